// SPDX-License-Identifier: Apache-2.0
#include "files/file_system_type.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>

namespace seccompagent {

std::int64_t file_system_of(int fd) {
  struct statfs found = {};
  return fstatfs(fd, &found) == -1 ? 0 : found.f_type;
}

bool is_of_processes(int fd) { return file_system_of(fd) == PROC_SUPER_MAGIC; }

bool closes_at_once(std::int64_t type) {
  constexpr std::int64_t kXfs = 0x58465342;
  constexpr std::array<std::int64_t, 8> kLocal = {
      EXT4_SUPER_MAGIC, kXfs,        BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
      TMPFS_MAGIC,      RAMFS_MAGIC, SQUASHFS_MAGIC,    EROFS_SUPER_MAGIC_V1};
  return std::ranges::find(kLocal, type) != kLocal.end();
}

bool needs_all_ids(std::int64_t type) {
  constexpr std::int64_t kMessageQueues = 0x19800202;
  return type == FUSE_SUPER_MAGIC || type == PROC_SUPER_MAGIC || type == kMessageQueues;
}

}  // namespace seccompagent
