// SPDX-License-Identifier: Apache-2.0
#include "files/lookup.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "files/lent_capability.h"
#include "files/path_walk.h"

namespace seccompagent {
namespace {

// By the caller, see inode_owner_or_capable of the kernel.
[[nodiscard]] bool is_owned(const FileTask& task, int fd) {
  struct stat found = {};
  return fstat(fd, &found) == 0 && (found.st_uid == task.request.owner || is_effective(CAP_FOWNER));
}

// EXDEV means that the path leaves the folder, unless it may be the caller's own rule.
[[nodiscard]] Errno unconfined(const FileTask& task, std::uint64_t resolve, Errno error) {
  const bool is_ours = task.confined != 0 && (resolve & RESOLVE_NO_XDEV) == 0;
  return is_ours && error == Errno{EXDEV} ? Errno{EPERM} : error;
}

[[nodiscard]] Result<FileInPlace> in_place(Result<UniqueFd> fd) {
  if (!fd) return std::unexpected(fd.error());
  return FileInPlace(std::move(*fd));
}

}  // namespace

Result<UniqueFd> open_at(int base, const char* path, std::uint64_t flags, std::uint64_t mode,
                         std::uint64_t resolve) {
  constexpr int kTries = 64;
  open_how how = {
      .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve | RESOLVE_NO_MAGICLINKS};
  for (int tries = kTries;; --tries) {
    // whoever answers EINTR is a file system, and no signal
    UniqueFd fd(static_cast<int>(syscall(SYS_openat2, base, path, &how, sizeof how)));
    if (fd.is_open()) return fd;
    const bool is_raced = errno == EAGAIN && (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0;
    if (!is_raced || (resolve & RESOLVE_CACHED) != 0 || tries == 0) return fail_errno();
  }
}

std::optional<Result<FileInPlace>> open_unwalked(const FileTask& task, int base, const char* path,
                                                 std::uint64_t flags, std::uint64_t resolve) {
  const std::uint64_t restrictions = resolve | task.confined;
  auto found = in_place(open_at(base, path, flags, 0, restrictions));
  if (is_to_be_walked(task, base, path, found, flags, restrictions)) return std::nullopt;
  if (!found) return std::unexpected(unconfined(task, resolve, found.error()));
  return found;
}

Result<FileInPlace> find_in_place(const FileTask& task, int base, const char* path,
                                  std::uint64_t flags, std::uint64_t resolve) {
  if (auto found = open_unwalked(task, base, path, flags | O_PATH, resolve))
    return std::move(*found);
  // what is walked is in no cache
  if ((resolve & RESOLVE_CACHED) != 0) return fail(EAGAIN);
  auto walked = in_place(walk_path(task, base, path, flags, resolve | task.confined));
  if (!walked) return std::unexpected(unconfined(task, resolve, walked.error()));
  return walked;
}

Result<UniqueFd> open_in_place(const FileTask& task, int base, const char* path,
                               std::uint64_t flags, std::uint64_t mode, std::uint64_t resolve) {
  if ((flags & O_PATH) != 0) {
    auto found = find_in_place(task, base, path, flags, resolve);
    if (!found) return std::unexpected(found.error());
    return std::move(*found).take();
  }
  auto fd = open_at(base, path, flags, mode, resolve | task.confined);
  if (!fd) return std::unexpected(unconfined(task, resolve, fd.error()));
  return fd;
}

Result<Entry> find_entry(const FileTask& task, int base, const std::string& path,
                         std::uint64_t resolve) {
  const std::size_t end = path.find_last_not_of('/');
  // the base itself, or the root, which no call makes or removes
  if (end == std::string::npos) return Entry{{}, base, path.empty() ? "." : "/"};
  const std::size_t slash = path.find_last_of('/', end);
  if (slash == std::string::npos) return Entry{{}, base, path};
  const std::string parent = path.substr(0, slash + 1);
  // an absolute path starts at the root, which is the base then
  const bool is_base = parent.find_first_not_of('/') == std::string::npos;
  const std::string name = path.substr(slash + 1);
  if (is_base && (resolve | task.confined) == 0 && base >= 0) return Entry{{}, base, name};
  // as it is on the way to the name: links that lead there are followed whosever they are, and it
  // is to be searched
  auto directory =
      open_in_place(task, base, (parent + ".").c_str(), O_PATH | O_DIRECTORY, 0, resolve);
  if (!directory) return std::unexpected(directory.error());
  const int fd = directory->get();
  return Entry{std::move(*directory), fd, name};
}

Result<FoundFile> find_file(const FileTask& task) {
  FoundFile found = {.opened = {}, .fd = task.place.base};
  if (!task.request.path.empty()) {
    const std::uint64_t follow = task.request.is_followed ? 0 : O_NOFOLLOW;
    auto fd = open_in_place(task, found.fd, task.request.path.c_str(), O_PATH | follow);
    if (!fd) return std::unexpected(fd.error());
    found = {.opened = std::move(*fd), .fd = -1};
    found.fd = found.opened.get();
  }
  // nobody lends power over what is somebody else's
  if (task.request.lent != 0 && !is_owned(task, found.fd)) return fail(EPERM);
  return found;
}

}  // namespace seccompagent
