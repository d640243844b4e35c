// SPDX-License-Identifier: Apache-2.0
// What the kernel says of a mapping of a process, since Linux 6.11: see PROCMAP_QUERY in
// <linux/fs.h>, which older headers do not have.
#pragma once

#include <sys/ioctl.h>

#include <atomic>
#include <cstdint>

namespace seccompagent {

struct MapQuery {
  static constexpr std::uint64_t kReadable = 0x01;
  static constexpr std::uint64_t kWritable = 0x02;
  static constexpr std::uint64_t kExecutable = 0x04;

  std::uint64_t size = sizeof(MapQuery);
  // Those that a mapping has to have.
  std::uint64_t flags = 0;
  std::uint64_t address = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t found_flags = 0;
  std::uint64_t page_size = 0;
  std::uint64_t offset = 0;
  std::uint64_t inode = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint32_t name_size = 0;
  std::uint32_t build_id_size = 0;
  std::uint64_t name = 0;
  std::uint64_t build_id = 0;
};

inline constexpr unsigned long kAskMap = _IOWR('f', 17, MapQuery);

// For tests: see refuse_map_query.
inline std::atomic<bool> map_query_is_refused = false;

}  // namespace seccompagent
