// SPDX-License-Identifier: Apache-2.0
// Memory of the kernel for inodes, names and extended attributes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace seccompagent {

inline constexpr std::uint64_t kKiB = 1024;
// An inode of tmpfs with its directory entry and a long name; other file systems' are no larger.
inline constexpr std::uint64_t kInodeCost = 3 * kKiB / 2;

// Name and value of an extended attribute: the kernel takes a power of two.
[[nodiscard]] constexpr std::uint64_t attribute_cost(std::size_t bytes) { return kKiB + 2 * bytes; }

}  // namespace seccompagent
