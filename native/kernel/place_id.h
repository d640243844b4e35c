// SPDX-License-Identifier: Apache-2.0
// Which directory something is: by the number of its mount, which no other one has had or gets, and
// by its inode.
#pragma once

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include <cstdint>

namespace seccompagent {

struct PlaceId {
  std::uint64_t mount = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const PlaceId&, const PlaceId&) = default;

  [[nodiscard]] bool is_known() const { return mount != 0; }
};

// Unknown before Linux 6.8, and where nobody may look. See statx(2).
[[nodiscard]] inline PlaceId place_id(int directory, const char* path) {
#ifdef STATX_MNT_ID_UNIQUE
  constexpr unsigned kMount = STATX_MNT_ID_UNIQUE;
#else
  constexpr unsigned kMount = 0x4000U;
#endif
  struct statx found = {};
  if (statx(directory, path, AT_STATX_DONT_SYNC, STATX_INO | kMount, &found) == -1 ||
      (found.stx_mask & kMount) == 0) {
    return {};
  }
  return {.mount = found.stx_mnt_id, .inode = found.stx_ino};
}

}  // namespace seccompagent
