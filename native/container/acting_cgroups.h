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

  // The one of version 2 in which a process of ours may be born, made for it and then in `children`
  // as in `enter`. Closed: there is none, or whoever goes there has to be moved.
  [[nodiscard]] UniqueFd open_birthplace(std::vector<std::string>& children) const;
  // Moves a process of ours there, but not to the birthplace, where it has one. An errno of open(2)
  // or write(2), see cgroups(7). `children`: gets those that are there for us, to be removed once
  // it has ended. `lists`: gets the `tasks` of those that it still has to enter, by writing 0
  // there: for a process that somebody else moves, the kernel holds up all forks of the machine,
  // and waits for some milliseconds.
  [[nodiscard]] Result<void> enter(pid_t process, bool has_birthplace,
                                   std::vector<std::string>& children,
                                   std::vector<UniqueFd>& lists) const;
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
