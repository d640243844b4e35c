// SPDX-License-Identifier: Apache-2.0
// Types of file systems, by their magic number, see statfs(2).
#pragma once

#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstdint>
#include <optional>
#include <string>

#include "kernel/result.h"

namespace seccompagent {

[[nodiscard]] inline std::uint32_t magic_of(const struct statfs& system) {
  return static_cast<std::uint32_t>(system.f_type);
}

// Facts of an open file that never change. Its file system is not asked where the kernel tells
// without (Linux 6.8), since it might answer late or never.
struct FileFacts {
  // S_IFMT.
  mode_t type;
  dev_t device;
  ino_t inode;
  // Of a device node.
  dev_t node;
  // The magic number of its file system; 0: unknown.
  std::int64_t system;
};

// EACCES: its file system lets nobody look.
[[nodiscard]] Result<FileFacts> facts_of(int fd);

// The magic number; 0: unknown.
[[nodiscard]] std::int64_t file_system_of(int fd);

[[nodiscard]] bool is_of_processes(int fd);

// Of the root of a mount: where in its file system it is, see statmount(2). Nothing: it is none, or
// the kernel does not tell, as before Linux 6.8 or of a mount that is not below our root.
[[nodiscard]] std::optional<std::string> path_of_mount_root(int fd);

// Whether closing a file or directory there waits for nobody: true for local disks and memory, not
// for FUSE, network file systems and overlays.
[[nodiscard]] bool closes_at_once(std::int64_t type);

}  // namespace seccompagent
