// SPDX-License-Identifier: Apache-2.0
// Whose processes a cgroup has: a container's alone, or others' as well.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>

#include "unique_fd.h"

namespace seccompagent {

// One that a container may have for itself.
struct CgroupPlace {
  std::string folder;
  // In its hierarchy.
  std::string path;
  // A controller of version 1, or `kUnified`.
  std::string_view hierarchy;
};

// Whether processes that are none of the container's are in a cgroup or in those below it, or
// nobody can tell. The container's are those of its pid namespace and of the ones below it. Without
// one of its own, whoever has started it is another's, and so are `other_firsts`: the first
// processes of other containers.
[[nodiscard]] bool has_others(const CgroupPlace& cgroup, const UniqueFd& first_process,
                              std::span<const pid_t> other_firsts);

}  // namespace seccompagent
