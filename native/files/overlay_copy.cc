// SPDX-License-Identifier: Apache-2.0
#include "files/overlay_copy.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "files/kernel_cost.h"
#include "files/overlay.h"
#include "kernel/unique_fd.h"

// Not in every libc's headers: Linux 6.8.
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
namespace seccompagent {
namespace {

// There is nowhere so much left; and many of them are no less in sum.
constexpr std::uint64_t kTooMuch = 1ULL << 60;
// Beside what is in a file.
constexpr std::uint64_t kMaxMetadata = kKiB * kKiB;

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
  for (std::size_t at = 0; at < names.size() && sum <= kMaxMetadata;) {
    const char* name = names.c_str() + at;
    const std::size_t name_length = std::strlen(name);
    const ssize_t size = getxattr(path.c_str(), name, nullptr, 0);
    sum += attribute_cost(name_length +
                          (size == -1 ? XATTR_SIZE_MAX : static_cast<std::size_t>(size)));
    at += name_length + 1;
  }
  return sum <= kMaxMetadata ? sum : kTooMuch;
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
  while (sum <= kMaxMetadata) {
    const Kept kept = kept_of(at);
    if (is_of_upper(kept)) return sum;
    sum += kInodeCost + attributes_of(copy, at);
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

}  // namespace

std::uint64_t weigh_copy(const Copy& copy) {
  struct stat found = {};
  if (fstat(copy.file, &found) == -1) return kTooMuch;
  if (S_ISDIR(found.st_mode)) return weigh_from(copy, copy.file);
  const bool is_copied = copy.has_content && S_ISREG(found.st_mode);
  const std::uint64_t itself = kInodeCost + attributes_of(copy, copy.file) +
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

}  // namespace seccompagent
