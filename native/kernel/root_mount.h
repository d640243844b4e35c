// SPDX-License-Identifier: Apache-2.0
// The mount that a directory is the root of.
#pragma once

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include <cstdint>

namespace seccompagent {

// STATX_MNT_ID_UNIQUE of statx(2), which older headers lack: a number that no other mount has had
// or gets.
inline constexpr unsigned kUniqueMount = 0x4000U;

// The number of that mount. 0: the directory is the root of none, nobody may look, or the kernel is
// older than Linux 6.8.
[[nodiscard]] inline std::uint64_t root_mount(int directory, const char* path) {
  struct statx found = {};
  if (statx(directory, path, AT_STATX_DONT_SYNC, kUniqueMount, &found) == -1) return 0;
  const bool is_root = (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return is_root && (found.stx_mask & kUniqueMount) != 0 ? found.stx_mnt_id : 0;
}

}  // namespace seccompagent
