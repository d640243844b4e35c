// SPDX-License-Identifier: Apache-2.0
// Resources of a container: the limits of its cgroups and their use, see cgroups(7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "container/first_places.h"
#include "kernel/border.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Place of a controller's cgroup: below a mount, by a path from there.
struct MemoryGroup {
  std::string mounted;
  std::string path;
  bool is_unified;
};

// The cgroup of a controller, whichever version has it, by the texts of /proc/PID/cgroup and
// /proc/self/mounts. A path that leads out of what we see of the hierarchy is none.
[[nodiscard]] std::optional<MemoryGroup> group_of(const std::string& cgroups,
                                                  const std::string& mounts,
                                                  std::string_view controller);

// Makes less of what the machine has: as much as this cgroup and those above it allow, and what
// they have not used of that yet.
void apply_memory_limits(Resources& resources, const MemoryGroup& group);

// Of the container whose first process a pidfd stands for. `places`: of that one; null: it is as
// old as the machine. ESRCH: it has ended.
[[nodiscard]] Result<Resources> resources_of(const UniqueFd& first_process,
                                             const FirstPlaces* places);

}  // namespace seccompagent
