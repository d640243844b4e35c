// SPDX-License-Identifier: Apache-2.0
#include "files/memory_file_system.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "files/file_system_type.h"
#include "files/kernel_cost.h"
#include "files/overlay.h"

namespace seccompagent {
namespace {

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
constexpr auto kInMemory = std::to_array<Type>({{TMPFS_MAGIC, kInodeCost},
                                                {RAMFS_MAGIC, kInodeCost},
                                                {HUGETLBFS_MAGIC, kInodeCost},
                                                {BPF_FS_MAGIC, kInodeCost},
                                                {kRpcPipes, kInodeCost},
                                                {kBinder, kInodeCost},
                                                {kAutomatic, kInodeCost},
                                                {kFirmware, 4 * kKiB},
                                                {kMessageQueues, 4 * kKiB},
                                                {kConfiguration, 8 * kKiB},
                                                {kResourceControl, 8 * kKiB},
                                                {CGROUP_SUPER_MAGIC, 16 * kKiB},
                                                {CGROUP2_SUPER_MAGIC, 16 * kKiB},
                                                {DEBUGFS_MAGIC, kInodeCost},
                                                {kTracing, kKiB* kKiB}});

// Disks, servers and programs. Whatever else there is may be in memory: each Linux adds to what the
// kernel keeps there, such as the attributes of a process, and of a file of sysfs.
constexpr std::uint32_t kElsewhere[] = {
    EXT4_SUPER_MAGIC,
    BTRFS_SUPER_MAGIC,
    F2FS_SUPER_MAGIC,
    NILFS_SUPER_MAGIC,
    REISERFS_SUPER_MAGIC,
    MSDOS_SUPER_MAGIC,
    ISOFS_SUPER_MAGIC,
    SQUASHFS_MAGIC,
    EROFS_SUPER_MAGIC_V1,
    FUSE_SUPER_MAGIC,
    NFS_SUPER_MAGIC,
    V9FS_MAGIC,
    AFS_SUPER_MAGIC,
    0x58465342,  // xfs
    0xca451a4e,  // bcachefs
    0x2fc12fc1,  // zfs
    0x3153464a,  // jfs
    0x24051905,  // ubifs
    0x7461636f,  // ocfs2
    0x01161970,  // gfs2
    0x2011bab0,  // exfat
    0x5346544e,  // ntfs
    0x7366746e,  // ntfs3
    0x482b,      // hfsplus
    0x15013346,  // udf
    0xff534d42,  // cifs
    0xfe534d42,  // smb3
    0x00c36400,  // ceph
    0x6b414653,  // kafs
    0x20030528,  // orangefs
    0x0bd00bd0,  // lustre
    0x47504653,  // gpfs
    0x19830326,  // beegfs
    0x786f4256,  // vboxsf
};
constexpr std::uint64_t kUnknown = kPage;

// nullptr: it is none of those.
[[nodiscard]] const Type* find_type(const struct statfs& system) {
  const auto* const type = std::ranges::find(kInMemory, magic_of(system), &Type::magic);
  return type == kInMemory.end() ? nullptr : type;
}

[[nodiscard]] bool is_elsewhere(const struct statfs& system) {
  return std::ranges::find(kElsewhere, magic_of(system)) != std::end(kElsewhere);
}

// 0: it is not in memory.
[[nodiscard]] std::uint64_t inode_cost_of(const struct statfs& system) {
  if (const Type* const type = find_type(system); type != nullptr) return type->thing;
  // the directory may have to be copied up, too
  if (is_overlay(system)) return may_be_in_memory(system) ? 2 * kInodeCost : 0;
  return is_elsewhere(system) ? 0 : kUnknown;
}

[[nodiscard]] bool is_layer(const struct statfs& system) {
  return magic_of(system) == TMPFS_MAGIC || is_overlay(system) || is_elsewhere(system);
}

// A tmpfs counts each name. Of what nobody knows, nobody knows what it counts; a hugetlbfs counts
// no links, and with a limit of its size alone nothing. An overlay counts what its upper one has,
// which stays when the overlay goes and another file system gets its number.
[[nodiscard]] std::uint64_t existing_of(const struct statfs& system) {
  const bool is_known = magic_of(system) == TMPFS_MAGIC || is_elsewhere(system);
  return system.f_files == 0 || !is_known || system.f_ffree > system.f_files
             ? Made::kUntold
             : system.f_files - system.f_ffree;
}

}  // namespace

Made weigh(const Creation& creation) {
  struct statfs asked = {};
  struct stat found = {};
  if (creation.system == nullptr && fstatfs(creation.at, &asked) == -1) return {};
  const struct statfs& system = creation.system == nullptr ? asked : *creation.system;
  const std::uint64_t thing = inode_cost_of(system);
  if (thing == 0 || fstat(creation.at, &found) == -1) return {};
  if (may_be_in_memory(system) && !is_upper_in_memory(system, creation.at)) return {};
  const bool is_attribute = creation.is_attribute;
  const bool has_page = !is_attribute && creation.bytes > kShortText;
  const std::uint64_t amount =
      is_attribute ? attribute_cost(creation.bytes) : thing + (has_page ? kPage : 0);
  const std::uint64_t existing =
      is_attribute && !is_of_linux_6_6() ? Made::kUntold : existing_of(system);
  return {.place = found.st_dev, .amount = amount, .existing = existing, .largest = amount};
}

bool is_of_layer(int file) {
  struct statfs system = {};
  return fstatfs(file, &system) == 0 && is_layer(system);
}

bool is_there(const Creation& creation) {
  struct stat found = {};
  return creation.name != nullptr &&
         fstatat(creation.at, creation.name, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace seccompagent
