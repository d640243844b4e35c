// SPDX-License-Identifier: Apache-2.0
// The cgroups that a helper joins to act for a container, see cgroups(7): memory of what it makes
// is charged there, and rules for devices are asked there.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "kernel/result.h"

namespace seccompagent {

class ActingCgroups {
 public:
  // None: whoever enters them stays where it is.
  ActingCgroups() = default;
  // Those that a process is in now. ESRCH: it has ended.
  [[nodiscard]] static Result<ActingCgroups> of(pid_t process);
  // The same from the texts of its /proc/PID/cgroup, of our own, and of /proc/self/mounts.
  [[nodiscard]] static ActingCgroups from(std::string_view theirs, std::string_view ours,
                                          std::string_view mounts);

  // Moves a process of ours there. An errno of open(2), mkdir(2) or write(2), see cgroups(7).
  [[nodiscard]] Result<void> enter(pid_t process) const;
  // They are the agent's as well.
  [[nodiscard]] bool are_ours() const { return folders_.empty(); }
  [[nodiscard]] const std::vector<std::string>& folders() const { return folders_; }

 private:
  std::vector<std::string> folders_;
};

}  // namespace seccompagent
