// SPDX-License-Identifier: Apache-2.0
#include "memory_file_system.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

namespace seccompagent {
namespace {

constexpr std::uint64_t kKiB = 1024;
// An inode of tmpfs with its directory entry and a long name; the others' are no larger.
constexpr std::uint64_t kThing = 3 * kKiB / 2;
// Of a tmpfs: a longer text has a page of its own.
constexpr std::size_t kShortText = 127;
constexpr std::uint64_t kPage = 4 * kKiB;

struct Type {
  std::uint32_t magic;
  std::uint64_t thing;
};

// Not in every libc's headers.
constexpr std::uint32_t kMessageQueues = 0x19800202;
constexpr std::uint32_t kResourceControl = 0x7655821;
constexpr std::uint32_t kConfiguration = 0x62656570;
constexpr std::uint32_t kRpcPipes = 0x67596969;
constexpr std::uint32_t kBinder = 0x6c6f6f70;
constexpr std::uint32_t kFirmware = 0xde5e81e4;
constexpr std::uint32_t kAutomatic = 0x0187;
constexpr std::uint32_t kTracing = 0x74726163;

// devtmpfs is a tmpfs or a ramfs. A directory of the last ones is more than that: a cgroup, a group
// of the processor's resources, a device, an instance with buffers.
constexpr auto kInMemory = std::to_array<Type>({{TMPFS_MAGIC, kThing},
                                                {RAMFS_MAGIC, kThing},
                                                {HUGETLBFS_MAGIC, kThing},
                                                {BPF_FS_MAGIC, kThing},
                                                {kRpcPipes, kThing},
                                                {kBinder, kThing},
                                                {kAutomatic, kThing},
                                                {kFirmware, 4 * kKiB},
                                                {kMessageQueues, 4 * kKiB},
                                                {kConfiguration, 8 * kKiB},
                                                {kResourceControl, 8 * kKiB},
                                                {CGROUP_SUPER_MAGIC, 16 * kKiB},
                                                {CGROUP2_SUPER_MAGIC, 16 * kKiB},
                                                {DEBUGFS_MAGIC, kThing},
                                                {kTracing, kKiB* kKiB}});

// A directory of a tmpfs has 20 bytes for each entry, "." and ".." included, and no blocks. An
// overlay shows those of its upper one.
[[nodiscard]] bool looks_like_tmpfs(const struct stat& found) {
  constexpr off_t kEntry = 20;
  return found.st_blocks == 0 && found.st_size >= 2 * kEntry && found.st_size % kEntry == 0;
}

// As that one, an overlay's upper one keeps nothing for root.
[[nodiscard]] bool may_be_on_tmpfs(const struct statfs& system) {
  return static_cast<std::uint32_t>(system.f_type) == OVERLAYFS_SUPER_MAGIC &&
         system.f_bavail == system.f_bfree;
}

// Since Linux 6.6, what a tmpfs says of its inodes has its extended attributes in it, too.
[[nodiscard]] bool tells_attributes() {
  static const bool tells = [] {
    constexpr std::pair kFirst = {6, 6};
    utsname system = {};
    if (uname(&system) == -1) return false;
    std::pair version = {0, 0};
    const std::string_view release = system.release;
    const auto major = std::from_chars(release.begin(), release.end(), version.first);
    if (major.ptr == release.end() || *major.ptr != '.') return false;
    std::from_chars(major.ptr + 1, release.end(), version.second);
    return version >= kFirst;
  }();
  return tells;
}

// 0: it is not in memory.
[[nodiscard]] std::uint64_t thing_of(const struct statfs& system) {
  const auto magic = static_cast<std::uint32_t>(system.f_type);
  const auto* const type = std::ranges::find(kInMemory, magic, &Type::magic);
  if (type != kInMemory.end()) return type->thing;
  return may_be_on_tmpfs(system) ? kThing : 0;
}

[[nodiscard]] std::uint64_t existing_of(const struct statfs& system) {
  return system.f_files == 0 ? Made::kUntold
                             : system.f_files - std::min(system.f_files, system.f_ffree);
}

}  // namespace

Made weigh(const Making& making) {
  struct statfs asked = {};
  struct stat found = {};
  if (making.system == nullptr && fstatfs(making.at, &asked) == -1) return {};
  const struct statfs& system = making.system == nullptr ? asked : *making.system;
  const std::uint64_t thing = thing_of(system);
  if (thing == 0 || fstat(making.at, &found) == -1) return {};
  if (may_be_on_tmpfs(system) && !looks_like_tmpfs(found)) return {};
  const bool is_attribute = making.is_attribute;
  const bool has_page = !is_attribute && making.bytes > kShortText;
  const std::uint64_t amount = is_attribute ? kKiB + making.bytes : thing + (has_page ? kPage : 0);
  const std::uint64_t existing =
      is_attribute && !tells_attributes() ? Made::kUntold : existing_of(system);
  return {.place = found.st_dev, .amount = amount, .existing = existing, .largest = amount};
}

bool is_there(const Making& making) {
  struct stat found = {};
  return making.name != nullptr &&
         fstatat(making.at, making.name, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace seccompagent
