// SPDX-License-Identifier: Apache-2.0
// The kernel's rules for the arguments of operations on files.
#include "addon/file_rules.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "caller/memory.h"

namespace seccompagent {

int early_error(const FileRequest& request) {
  constexpr std::uint32_t kAll = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;
  constexpr std::uint32_t kNoExchange = RENAME_NOREPLACE | RENAME_WHITEOUT;
  const std::uint32_t flags = request.flags;
  const bool is_exchange = (flags & RENAME_EXCHANGE) != 0;
  if (request.operation == FileOperation::rename)
    return (flags & ~kAll) != 0 || (is_exchange && (flags & kNoExchange) != 0) ? EINVAL : 0;
  if (request.operation != FileOperation::mknod) return 0;
  switch (request.mode & S_IFMT) {
    case 0:
    case S_IFREG:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
      return 0;
    case S_IFDIR:
      return EPERM;
    default:
      return EINVAL;
  }
}

int path_error(const std::string& path, bool may_be_empty) {
  if (has_nul(path)) return EINVAL;
  if (path.empty() && !may_be_empty) return ENOENT;
  return path.size() >= kPathMax ? ENAMETOOLONG : 0;
}

bool is_followed(FileOperation operation, std::uint32_t flags) {
  switch (operation) {
    case FileOperation::link:
      return (flags & AT_SYMLINK_FOLLOW) != 0;
    case FileOperation::read_link:
      return false;
    default:
      return (flags & AT_SYMLINK_NOFOLLOW) == 0;
  }
}

namespace {

// 0 or an errno, as the kernel has it. Programs open files in few ways.
[[nodiscard]] int error_of_how(const open_how& how) {
  struct Known {
    open_how how;
    int error;
  };
  static thread_local std::array<Known, 8> known = {};
  static thread_local std::size_t next = 0;
  static thread_local std::size_t count = 0;
  const auto is_same = [&how](const Known& other) {
    return other.how.flags == how.flags && other.how.mode == how.mode &&
           other.how.resolve == how.resolve;
  };
  const auto end = known.begin() + static_cast<std::ptrdiff_t>(count);
  if (const auto found = std::find_if(known.begin(), end, is_same); found != end)
    return found->error;
  // of all ways that there are, an empty path comes to ENOENT
  open_how asked = how;
  const long opened = syscall(SYS_openat2, AT_FDCWD, "", &asked, sizeof asked);
  const int error = opened == -1 && errno != ENOENT ? errno : 0;
  known[next] = {.how = how, .error = error};
  next = (next + 1) % known.size();
  count = std::min(count + 1, known.size());
  return error;
}

}  // namespace

int open_how_error(const FileRequest& request, bool is_strict) {
  open_how how = {.flags = request.flags, .mode = request.mode, .resolve = request.resolve};
  if (!is_strict) {
    const bool is_path_only = (request.flags & O_PATH) != 0;
    constexpr std::uint32_t kExclusive = O_ACCMODE | O_CREAT | O_TMPFILE;
    how = {.flags = is_path_only ? O_PATH : request.flags & kExclusive, .mode = 0, .resolve = 0};
  }
  return error_of_how(how);
}

Start start_within(std::string path, int dirfd, std::uint64_t resolve) {
  const bool is_from_root = path.starts_with('/') && (resolve & RESOLVE_IN_ROOT) == 0;
  return {is_from_root ? AT_FDCWD : dirfd, "", false, std::move(path), is_from_root};
}

std::uint32_t own_flags(FileOperation operation, std::uint32_t flags) {
  constexpr std::uint32_t kXattrFlags = 3;
  return operation == FileOperation::set_xattr ? flags & kXattrFlags : flags & ~kOfDescriptor;
}

bool needs_open_file(FileOperation operation, std::uint32_t flags) {
  switch (operation) {
    case FileOperation::get_xattr:
    case FileOperation::set_xattr:
    case FileOperation::list_xattr:
    case FileOperation::remove_xattr:
      return true;
    default:
      return (flags & kOfDescriptor) != 0;
  }
}

}  // namespace seccompagent
