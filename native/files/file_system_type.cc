// SPDX-License-Identifier: Apache-2.0
#include "files/file_system_type.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>

#include "kernel/root_mount.h"

namespace seccompagent {

namespace {

#ifndef SYS_statmount
#define SYS_statmount 457
#endif

// Types by their mounts, whose numbers are no others' later.
class KnownMounts {
 public:
  // 0: it is not known.
  [[nodiscard]] std::int64_t type_of(std::uint64_t mount) const {
    const auto found = std::ranges::find(known_, mount, &Known::mount);
    return found == known_.end() ? 0 : found->type;
  }
  void know(std::uint64_t mount, std::int64_t type) {
    known_[next_] = {.mount = mount, .type = type};
    next_ = (next_ + 1) % known_.size();
  }

 private:
  struct Known {
    std::uint64_t mount = 0;
    std::int64_t type = 0;
  };
  std::array<Known, 16> known_;
  std::size_t next_ = 0;
};

[[nodiscard]] std::int64_t asked_system_of(int fd) {
  struct statfs found = {};
  return fstatfs(fd, &found) == -1 ? 0 : found.f_type;
}

// The first version of the kernel's mnt_id_req, and the beginning of its statmount.
struct MountQuestion {
  std::uint32_t size;
  std::uint32_t spare;
  std::uint64_t mount;
  std::uint64_t what;
};
struct MountAnswer {
  std::uint32_t size;
  std::uint32_t options;
  std::uint64_t mask;
  std::uint32_t device_major;
  std::uint32_t device_minor;
  std::uint64_t magic;
};

// Of the mount itself, see statmount(2): a file system like FUSE may never answer. Since Linux 6.8;
// 0: unknown, as of a mount that is not below our root.
[[nodiscard]] std::int64_t system_of_mount(std::uint64_t mount) {
  constexpr std::uint64_t kOfFileSystem = 1;  // STATMOUNT_SB_BASIC
  const MountQuestion question = {
      .size = sizeof question, .spare = 0, .mount = mount, .what = kOfFileSystem};
  // more than its beginning has to have room
  std::array<std::byte, 512> room = {};
  if (syscall(SYS_statmount, &question, room.data(), room.size(), 0) == -1) return 0;
  MountAnswer answer = {};
  std::memcpy(&answer, room.data(), sizeof answer);
  return (answer.mask & kOfFileSystem) != 0 ? static_cast<std::int64_t>(answer.magic) : 0;
}

// Offset of the texts of an answer.
constexpr std::size_t kTexts = 512;

[[nodiscard]] std::int64_t system_of(int fd, const struct statx& found) {
  if ((found.stx_mask & kUniqueMount) == 0) return asked_system_of(fd);
  static thread_local KnownMounts mounts;
  if (const std::int64_t known = mounts.type_of(found.stx_mnt_id); known != 0) return known;
  const std::int64_t told = system_of_mount(found.stx_mnt_id);
  const std::int64_t type = told != 0 ? told : asked_system_of(fd);
  mounts.know(found.stx_mnt_id, type);
  return type;
}

}  // namespace

std::optional<std::string> path_of_mount_root(int fd) {
  constexpr std::uint64_t kRootPath = 8;  // STATMOUNT_MNT_ROOT
  constexpr std::size_t kPlaceOfMask = 8;
  constexpr std::size_t kPlaceOfRoot = 104;
  struct statx found = {};
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kUniqueMount, &found) == -1 ||
      (found.stx_mask & kUniqueMount) == 0 || (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0) {
    return std::nullopt;
  }
  const MountQuestion question = {
      .size = sizeof question, .spare = 0, .mount = found.stx_mnt_id, .what = kRootPath};
  std::array<char, kTexts + PATH_MAX> answer = {};
  if (syscall(SYS_statmount, &question, answer.data(), answer.size() - 1, 0) == -1)
    return std::nullopt;
  std::uint64_t mask = 0;
  std::memcpy(&mask, answer.data() + kPlaceOfMask, sizeof mask);
  std::uint32_t at = 0;
  std::memcpy(&at, answer.data() + kPlaceOfRoot, sizeof at);
  if ((mask & kRootPath) == 0 || at >= answer.size() - kTexts) return std::nullopt;
  return std::string(answer.data() + kTexts + at);
}

Result<FileFacts> facts_of(int fd) {
  struct statx found = {};
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO | kUniqueMount,
            &found) == -1) {
    return fail_errno();
  }
  return FileFacts{.type = static_cast<mode_t>(found.stx_mode & S_IFMT),
                   .device = makedev(found.stx_dev_major, found.stx_dev_minor),
                   .inode = found.stx_ino,
                   .node = makedev(found.stx_rdev_major, found.stx_rdev_minor),
                   .system = system_of(fd, found)};
}

std::int64_t file_system_of(int fd) {
  const auto found = facts_of(fd);
  return found ? found->system : asked_system_of(fd);
}

bool is_of_processes(int fd) { return file_system_of(fd) == PROC_SUPER_MAGIC; }

bool closes_at_once(std::int64_t type) {
  constexpr std::int64_t kXfs = 0x58465342;
  constexpr std::array<std::int64_t, 8> kLocal = {
      EXT4_SUPER_MAGIC, kXfs,        BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
      TMPFS_MAGIC,      RAMFS_MAGIC, SQUASHFS_MAGIC,    EROFS_SUPER_MAGIC_V1};
  return std::ranges::find(kLocal, type) != kLocal.end();
}

}  // namespace seccompagent
