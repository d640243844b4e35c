// SPDX-License-Identifier: Apache-2.0
// Paths of a caller that have to stay in granted folders.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

struct Confinement {
  // Absolute and plain, seen from the thread's root.
  const std::vector<std::string>& folders;
  // RESOLVE_* that the caller asks for.
  std::uint64_t resolve;
  // Our own procfs.
  int processes;
};

// Start of a path, and the rest of it; empty: the base itself.
struct ConfinedPath {
  // Open where the base is a granted folder.
  UniqueFd folder;
  int base;
  std::string path;
};

// The base is a granted folder, and the path is to be resolved with RESOLVE_BENEATH from there; or
// it is what the path started at, if that is in one and the path is empty or the caller's own rules
// keep it below. EPERM: neither the path nor the name of what it starts at leads into a granted
// folder, or that folder is behind a symbolic link.
[[nodiscard]] Result<ConfinedPath> confine(const Confinement& confinement, int base,
                                           const std::string& path);

}  // namespace seccompagent
