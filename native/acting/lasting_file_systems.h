// SPDX-License-Identifier: Apache-2.0
// File systems that may outlive the containers that make something there.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "kernel/result.h"

namespace seccompagent {

// By their numbers as in Made::place: those that are mounted in the mount namespace of process 1 or
// in the agent's, such as volumes. What only a container has mounted goes with it. Those of cgroups
// are left out: the runtime removes a container's cgroups.
[[nodiscard]] Result<std::unordered_set<std::uint64_t>> find_lasting_file_systems();

}  // namespace seccompagent
