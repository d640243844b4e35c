// SPDX-License-Identifier: Apache-2.0
// The cgroups that a helper joins to act for a container, see cgroups(7): memory of what it makes
// is charged there, and rules for devices are asked there.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

struct CgroupList {
  UniqueFd file;
  // Only where the one before it can't be entered.
  bool is_alternative;
};

class ActingCgroups {
 public:
  // None: whoever enters them stays where it is.
  ActingCgroups() = default;
  // Those of a process whose /proc/PID/cgroup has this text. EOPNOTSUPP: they are outside of what
  // our own cgroup namespace has.
  [[nodiscard]] static Result<ActingCgroups> of(std::string_view text);
  // The same from the text of our own, and of /proc/self/mounts.
  [[nodiscard]] static Result<ActingCgroups> from(std::string_view theirs, std::string_view ours,
                                                  std::string_view mounts);

  // Their lists, open for a process of ours, which enters the cgroups by writing 0 to each. It has
  // to do so itself, and be another program by then: where it shares our memory, the kernel ends
  // us, too, when it ends it for want of the container's memory; and of version 1, for a process
  // that somebody else moves, the kernel holds up all forks of the machine, and waits for some
  // milliseconds. An errno of open(2). `children`: gets those that are there for us, to be removed
  // once it has ended.
  [[nodiscard]] Result<std::vector<CgroupList>> open_lists(
      std::vector<std::string>& children) const;
  // Whether somebody has frozen the one of version 2, or one above it, and with it who has entered:
  // see cgroup.freeze in the kernel's documentation. What is below it does not count.
  [[nodiscard]] bool are_frozen() const;
  // Whether the process whose /proc/PID/cgroup has this text is in the one of version 2, or below.
  [[nodiscard]] bool have(std::string_view text) const;
  // Whether the freezer of version 1 has stopped the process whose /proc/PID/cgroup has this text,
  // or is about to: it waits for callers, which sleep where it can't stop them.
  [[nodiscard]] bool are_stopping(std::string_view text) const;
  // Moves a process of ours from there to our own one of version 2, where it goes on.
  [[nodiscard]] Result<void> leave(pid_t process) const;
  // Memory is charged to a cgroup that is neither the agent's nor the first one.
  [[nodiscard]] bool are_charged_apart() const { return are_charged_apart_; }
  [[nodiscard]] const std::vector<std::string>& folders() const { return folders_; }

 private:
  std::vector<std::string> folders_;
  // Of version 2: where it is mounted, and the path there; empty: it is not in one of that version.
  std::string unified_mount_;
  std::string unified_path_;
  // Where the freezer of version 1 is mounted; empty: nowhere.
  std::string freezer_mount_;
  bool are_charged_apart_ = false;
};

}  // namespace seccompagent
