// SPDX-License-Identifier: Apache-2.0
// Types of file systems, by their magic number, see statfs(2).
#pragma once

#include <sys/vfs.h>

#include <cstdint>

namespace seccompagent {

[[nodiscard]] inline std::uint32_t magic_of(const struct statfs& system) {
  return static_cast<std::uint32_t>(system.f_type);
}

// The magic number; 0: unknown.
[[nodiscard]] std::int64_t file_system_of(int fd);

[[nodiscard]] bool is_of_processes(int fd);

// Whether closing a file or directory there waits for nobody: true for local disks and memory, not
// for FUSE, network file systems and overlays.
[[nodiscard]] bool closes_at_once(std::int64_t type);

// Whether a file system of this type looks at more ids of the caller than those of file systems:
// mqueue counts its queues for the real user.
[[nodiscard]] bool needs_all_ids(std::int64_t type);

}  // namespace seccompagent
