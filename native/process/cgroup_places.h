// SPDX-License-Identifier: Apache-2.0
// Paths of cgroups, see cgroups(7). A process is in one cgroup of version 2, and in one of each
// hierarchy of version 1.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace seccompagent {

// Name of the hierarchy of version 2 in place of a controller of version 1.
inline constexpr std::string_view kUnified = "";

// Below a cgroup of version 2: where a process of ours is that acts for those in that one, whom it
// does not keep from dividing it. Runtimes remove it with the cgroup.
inline constexpr std::string_view kActingChild = "seccompagent";

// From the text of /proc/PID/cgroup: the path within the hierarchy that has the controller.
[[nodiscard]] std::optional<std::string> cgroup_path(std::string_view text,
                                                     std::string_view controller);

// From the text of /proc/self/mounts: where that hierarchy is mounted.
[[nodiscard]] std::optional<std::string> cgroup_mount(std::string_view mounts,
                                                      std::string_view controller);

// The number behind a name in lines of names and numbers, such as those of memory.stat and of
// /proc/meminfo.
[[nodiscard]] std::optional<unsigned long long> number_behind(std::string_view text,
                                                              std::string_view name);

}  // namespace seccompagent
