// SPDX-License-Identifier: Apache-2.0
// Which mount a directory is the root of.
#pragma once

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include <cstdint>

namespace seccompagent {

// A number that no other mount has had or gets, STATX_MNT_ID_UNIQUE of statx(2). 0: the directory
// is the root of none, nobody may look, or the kernel is older than Linux 6.8.
[[nodiscard]] inline std::uint64_t root_mount(int directory, const char* path) {
#ifdef STATX_MNT_ID_UNIQUE
  constexpr unsigned kMount = STATX_MNT_ID_UNIQUE;
#else
  constexpr unsigned kMount = 0x4000U;
#endif
  struct statx found = {};
  if (statx(directory, path, AT_STATX_DONT_SYNC, kMount, &found) == -1) return 0;
  const bool is_root = (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return is_root && (found.stx_mask & kMount) != 0 ? found.stx_mnt_id : 0;
}

}  // namespace seccompagent
