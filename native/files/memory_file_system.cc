// SPDX-License-Identifier: Apache-2.0
#include "files/memory_file_system.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "kernel/unique_fd.h"

// Not in every libc's headers: Linux 6.8.
#ifndef SYS_statmount
#define SYS_statmount 457
#endif

namespace seccompagent {
namespace {

constexpr std::uint64_t kKiB = 1024;
// An inode of tmpfs with its directory entry and a long name; the others' are no larger.
constexpr std::uint64_t kThing = 3 * kKiB / 2;
// Of a tmpfs: a longer text has a page of its own.
constexpr std::size_t kShortText = 127;
constexpr std::uint64_t kPage = 4 * kKiB;

// Name and value of an extended attribute: the kernel takes a power of two.
[[nodiscard]] constexpr std::uint64_t attribute_of(std::size_t bytes) { return kKiB + 2 * bytes; }

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

[[nodiscard]] std::uint32_t magic_of(const struct statfs& system) {
  return static_cast<std::uint32_t>(system.f_type);
}

// Since then, what a tmpfs says of its inodes has its extended attributes in it, too, and overlays
// give handles.
[[nodiscard]] bool is_of_linux_6_6() {
  static const bool is_since = [] {
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
  return is_since;
}

// --- overlays ------------------------------------------------------------------------------------

[[nodiscard]] bool is_overlay(const struct statfs& system) {
  return magic_of(system) == OVERLAYFS_SUPER_MAGIC;
}

// An overlay tells the free space of its upper one. One in memory keeps none for root.
[[nodiscard]] bool may_be_in_memory(const struct statfs& system) {
  return is_overlay(system) && system.f_bavail == system.f_bfree;
}

// Where a file of an overlay is kept. Unknown: the kernel does not tell.
enum class Kept : std::uint8_t { unknown, in_a_lower, in_memory, elsewhere };

struct Look {
  Kept kept = Kept::unknown;
  int mount = -1;
};

// The handle of a file of an overlay, see ovl_fh of the kernel, has in it that of the file in one
// of the layers; and those of a tmpfs have other sizes than those of disks. Nobody can make that
// up.
[[nodiscard]] Look look_at(int file) {
  // Not in every libc's headers: AT_HANDLE_FID, of Linux 6.5.
  constexpr int kOnlyToCompare = 0x200;
  constexpr int kOfOverlays = 0xf8;
  constexpr std::size_t kFlags = 6;
  constexpr std::size_t kType = 7;
  constexpr std::size_t kUuid = 8;
  constexpr std::size_t kOfLayer = 24;
  constexpr unsigned kIsOfUpper = 4;
  // shmem_encode_fh of the kernel
  constexpr unsigned kTypeOfTmpfs = 1;
  constexpr std::size_t kSizeOfTmpfs = 12;
  alignas(file_handle) std::array<std::uint8_t, sizeof(file_handle) + MAX_HANDLE_SZ> buffer = {};
  auto* const handle = reinterpret_cast<file_handle*>(buffer.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  Look look;
  if (name_to_handle_at(file, "", handle, &look.mount, AT_EMPTY_PATH | kOnlyToCompare) == -1 ||
      handle->handle_type != kOfOverlays || handle->handle_bytes < kOfLayer) {
    return look;
  }
  const auto bytes = std::span(buffer).subspan(sizeof(file_handle), handle->handle_bytes);
  // with another one, there are file systems whose handles look the same
  const bool has_uuid = std::ranges::any_of(bytes.subspan(kUuid, kOfLayer - kUuid),
                                            [](std::uint8_t byte) { return byte != 0; });
  if ((bytes[kFlags] & kIsOfUpper) == 0) {
    look.kept = Kept::in_a_lower;
  } else if (bytes[kType] == kTypeOfTmpfs && bytes.size() == kOfLayer + kSizeOfTmpfs && has_uuid) {
    look.kept = Kept::in_memory;
  } else {
    look.kept = Kept::elsewhere;
  }
  return look;
}

[[nodiscard]] bool is_of_upper(Kept kept) {
  return kept == Kept::in_memory || kept == Kept::elsewhere;
}

// The first one above that the same mount shows of the upper layer; the root of an overlay is.
[[nodiscard]] Kept find_upper(int start, int mount) {
  constexpr int kMaxSteps = 64;
  UniqueFd opened;
  int at = start;
  for (int steps = kMaxSteps; steps > 0; --steps) {
    const Look look = look_at(at);
    if (look.mount != mount) break;
    if (look.kept != Kept::in_a_lower) return look.kept;
    UniqueFd above(openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!above.is_open()) break;
    opened = std::move(above);
    at = opened.get();
  }
  return Kept::in_a_lower;
}

// Where the kernel does not tell, as of overlays of user namespaces, all is in memory that may be:
// the figures of a directory are those of whichever layer it is in. Before Linux 6.6, a disk's file
// system has the number of its device.
[[nodiscard]] bool is_of_device(const struct statfs& system) {
  constexpr int kMinorBits = 8;
  const auto low = static_cast<std::uint32_t>(system.f_fsid.__val[0]);
  return !is_of_linux_6_6() && system.f_fsid.__val[1] == 0 && low >> kMinorBits != 0;
}

// Of an overlay that may be in memory: whether what is made there, or on that file, is.
[[nodiscard]] bool is_upper_in_memory(const struct statfs& system, int file) {
  const Look look = look_at(file);
  if (look.kept == Kept::unknown) return !is_of_device(system);
  Kept kept = find_upper(file, look.mount);
  if (kept == Kept::in_a_lower) {
    // what is no directory has none above it
    const UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (root.is_open()) kept = find_upper(root.get(), look.mount);
  }
  // where only a part of an overlay is to be seen, all of which is in lower layers yet
  return kept != Kept::elsewhere;
}

// --- what an overlay copies ----------------------------------------------------------------------

// There is nowhere so much left; and many of them are no less in sum.
constexpr std::uint64_t kTooMuch = 1ULL << 60;
// Beside what is in a file.
constexpr std::uint64_t kMaxAttributes = kKiB * kKiB;

[[nodiscard]] std::string entry_of(int file) { return "self/fd/" + std::to_string(file); }

// Where the kernel does not tell a size, it may be the largest.
[[nodiscard]] std::uint64_t attributes_of(const Copy& copy, int file) {
  if (fchdir(copy.processes) == -1) return kTooMuch;
  const std::string path = entry_of(file);
  const ssize_t needed = listxattr(path.c_str(), nullptr, 0);
  if (needed == 0 || (needed == -1 && errno == EOPNOTSUPP)) return 0;
  std::string names(XATTR_LIST_MAX, '\0');
  const ssize_t length = listxattr(path.c_str(), names.data(), names.size());
  if (length == -1) return kTooMuch;
  names.resize(static_cast<std::size_t>(length));
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < names.size() && sum <= kMaxAttributes;) {
    const char* name = names.c_str() + at;
    const std::size_t name_length = std::strlen(name);
    const ssize_t size = getxattr(path.c_str(), name, nullptr, 0);
    sum +=
        attribute_of(name_length + (size == -1 ? XATTR_SIZE_MAX : static_cast<std::size_t>(size)));
    at += name_length + 1;
  }
  return sum <= kMaxAttributes ? sum : kTooMuch;
}

// A file by its mount.
struct Position {
  std::uint64_t mount = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

[[nodiscard]] Position position_of(int directory, const char* name = "") {
  // Not in every libc's headers: STATX_MNT_ID_UNIQUE, of Linux 6.8.
  constexpr unsigned kAsked = STATX_INO | STATX_MNT_ID | 0x4000;
  struct statx found = {};
  if (statx(directory, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, kAsked, &found) == -1) return {};
  constexpr unsigned kHalf = 32;
  return {.mount = found.stx_mnt_id,
          .device = std::uint64_t{found.stx_dev_major} << kHalf | found.stx_dev_minor,
          .inode = found.stx_ino};
}

// Whether a mount has all of its file system, not a part of it. Before Linux 6.8, none tells.
[[nodiscard]] bool has_all(std::uint64_t mount) {
  // The first version of the kernel's mnt_id_req; and where its statmount says where the text is
  // that follows it.
  struct Request {
    std::uint32_t size;
    std::uint32_t spare;
    std::uint64_t mount;
    std::uint64_t asked;
  };
  constexpr std::uint64_t kRoot = 8;
  constexpr std::size_t kPlaceOfRoot = 104;
  constexpr std::size_t kTexts = 512;
  const Request request = {.size = sizeof request, .spare = 0, .mount = mount, .asked = kRoot};
  alignas(std::uint64_t) std::array<char, kTexts + PATH_MAX> found = {};
  if (syscall(SYS_statmount, &request, found.data(), found.size(), 0) == -1) return errno == ENOSYS;
  std::uint32_t place = 0;
  std::copy_n(found.data() + kPlaceOfRoot, sizeof place, reinterpret_cast<char*>(&place));
  return place < PATH_MAX && std::string_view(found.data() + kTexts + place) == "/";
}

// The directories from there up to the first one that is in the upper layer. Those above what a
// mount shows of an overlay of a user namespace, whose layers are the caller's, nobody can weigh.
[[nodiscard]] std::uint64_t weigh_from(const Copy& copy, int start) {
  UniqueFd opened;
  int at = start;
  Position here = position_of(at);
  std::uint64_t sum = 0;
  while (sum <= kMaxAttributes) {
    const Kept kept = look_at(at).kept;
    if (is_of_upper(kept)) return sum;
    sum += kThing + attributes_of(copy, at);
    UniqueFd above(openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!above.is_open()) return kTooMuch;
    const Position there = position_of(above.get());
    const bool is_root = there == here;
    if (is_root && copy.above_root) return sum + *copy.above_root;
    if (is_root || there.mount != here.mount)
      return kept == Kept::in_a_lower || has_all(here.mount) ? sum : kTooMuch;
    opened = std::move(above);
    at = opened.get();
    here = there;
  }
  return kTooMuch;
}

// The directory that has a file's name, by what the kernel calls it; none: it cannot be seen. The
// file may be renamed meanwhile.
[[nodiscard]] UniqueFd directory_of(const Copy& copy) {
  constexpr int kTries = 3;
  const Position file = position_of(copy.file);
  for (int tries = 0; tries < kTries; ++tries) {
    std::array<char, PATH_MAX> text = {};
    const ssize_t length =
        readlinkat(copy.processes, entry_of(copy.file).c_str(), text.data(), text.size());
    const std::string_view path(text.data(), length < 0 ? 0 : static_cast<std::size_t>(length));
    if (!path.starts_with('/')) break;
    const std::size_t end = path.rfind('/') + 1;
    const std::string folder(path.substr(0, end));
    const std::string name(path.substr(end));
    UniqueFd directory(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (directory.is_open() && position_of(directory.get(), name.c_str()) == file) return directory;
  }
  return {};
}

// nullptr: it is none of those.
[[nodiscard]] const Type* find_type(const struct statfs& system) {
  const auto* const type = std::ranges::find(kInMemory, magic_of(system), &Type::magic);
  return type == kInMemory.end() ? nullptr : type;
}

[[nodiscard]] bool is_elsewhere(const struct statfs& system) {
  return std::ranges::find(kElsewhere, magic_of(system)) != std::end(kElsewhere);
}

// 0: it is not in memory.
[[nodiscard]] std::uint64_t thing_of(const struct statfs& system) {
  if (const Type* const type = find_type(system); type != nullptr) return type->thing;
  // the directory may have to be copied up, too
  if (is_overlay(system)) return may_be_in_memory(system) ? 2 * kThing : 0;
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
  const std::uint64_t thing = thing_of(system);
  if (thing == 0 || fstat(creation.at, &found) == -1) return {};
  if (may_be_in_memory(system) && !is_upper_in_memory(system, creation.at)) return {};
  const bool is_attribute = creation.is_attribute;
  const bool has_page = !is_attribute && creation.bytes > kShortText;
  const std::uint64_t amount =
      is_attribute ? attribute_of(creation.bytes) : thing + (has_page ? kPage : 0);
  const std::uint64_t existing =
      is_attribute && !is_of_linux_6_6() ? Made::kUntold : existing_of(system);
  return {.place = found.st_dev, .amount = amount, .existing = existing, .largest = amount};
}

bool copies_into_memory(int directory, const struct statfs* system) {
  struct statfs asked = {};
  if (system == nullptr && fstatfs(directory, &asked) == -1) return false;
  const struct statfs& known = system == nullptr ? asked : *system;
  return may_be_in_memory(known) && is_upper_in_memory(known, directory);
}

bool is_copied_into_memory(int file, const struct statfs* system) {
  return copies_into_memory(file, system) && !is_of_upper(look_at(file).kept);
}

std::uint64_t weigh_copy(const Copy& copy) {
  struct stat found = {};
  if (fstat(copy.file, &found) == -1) return kTooMuch;
  if (S_ISDIR(found.st_mode)) return weigh_from(copy, copy.file);
  const bool is_copied = copy.has_content && S_ISREG(found.st_mode);
  const std::uint64_t itself = kThing + attributes_of(copy, copy.file) +
                               (is_copied ? static_cast<std::uint64_t>(found.st_size) : 0);
  // what has taken its name away was done in the upper layer
  if (found.st_nlink == 0) return itself;
  const UniqueFd directory = directory_of(copy);
  return directory.is_open() ? itself + weigh_from(copy, directory.get()) : kTooMuch;
}

std::uint64_t weigh_above(int directory, int processes) {
  if (!is_copied_into_memory(directory)) return 0;
  return weigh_from({.file = directory, .has_content = false, .processes = processes}, directory);
}

CopyLimit::CopyLimit(std::uint64_t most) {
  if (getrlimit(RLIMIT_FSIZE, &before_) == -1) abort();
  const rlimit limit = {.rlim_cur = std::min(most, before_.rlim_cur), .rlim_max = before_.rlim_max};
  if (setrlimit(RLIMIT_FSIZE, &limit) == -1) abort();
}

CopyLimit::~CopyLimit() { (void)setrlimit(RLIMIT_FSIZE, &before_); }

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
