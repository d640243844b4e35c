// SPDX-License-Identifier: Apache-2.0
#include "files/lookup.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "files/file_system_type.h"
#include "files/thread_role.h"

namespace seccompagent {
namespace {

[[nodiscard]] bool mistakes_us(const Doing& doing, int fd) {
  return doing.held == HeldIds::of_file_systems && is_mistaken_on(file_system_of(fd));
}

// By the caller, see inode_owner_or_capable of the kernel.
[[nodiscard]] bool is_owned(const Doing& doing, int fd) {
  struct stat found = {};
  return fstat(fd, &found) == 0 &&
         (found.st_uid == doing.request.owner || is_effective(CAP_FOWNER));
}

}  // namespace

Result<UniqueFd> open_at(int base, const char* path, std::uint64_t flags, std::uint64_t mode,
                         std::uint64_t resolve) {
  constexpr int kTries = 64;
  open_how how = {
      .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve | RESOLVE_NO_MAGICLINKS};
  for (int tries = kTries;; --tries) {
    UniqueFd fd(static_cast<int>(
        retry_eintr([&] { return syscall(SYS_openat2, base, path, &how, sizeof how); })));
    if (fd.is_open()) return fd;
    const bool is_raced = errno == EAGAIN && (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0;
    if (!is_raced || (resolve & RESOLVE_CACHED) != 0 || tries == 0) return fail_errno();
  }
}

Result<UniqueFd> open_across(const Doing& doing, int base, const char* path, open_how how) {
  Crossing* crossing = doing.place.crossing;
  if (crossing == nullptr || crossing->is_entered())
    return open_at(base, path, how.flags, how.mode, how.resolve);
  auto fd = open_at(base, path, how.flags, how.mode, how.resolve | RESOLVE_NO_XDEV);
  // of what procfs has not for us, it may have something for the caller
  if (!fd && is_mistaken_on(file_system_of(base))) return fail(ENOTSUP);
  if (fd || fd.error() != Errno{EXDEV}) return fd;
  if (!crossing->enter()) return fail(ENOTSUP);
  return open_at(base, path, how.flags, how.mode, how.resolve);
}

Result<UniqueFd> open_in_place(const Doing& doing, int base, const char* path, std::uint64_t flags,
                               std::uint64_t mode, std::uint64_t resolve) {
  const open_how how = {.flags = flags, .mode = mode, .resolve = resolve | doing.confined};
  auto fd = open_across(doing, base, path, how);
  // the caller's own rule may have the same answer
  const bool is_ours = doing.confined != 0 && (resolve & RESOLVE_NO_XDEV) == 0;
  if (!fd && is_ours && fd.error() == Errno{EXDEV}) return fail(EPERM);
  return fd;
}

Result<Entry> find_entry(const Doing& doing, int base, const std::string& path,
                         std::uint64_t resolve) {
  const std::size_t end = path.find_last_not_of('/');
  // the base itself, or the root, which no call makes or removes
  if (end == std::string::npos) return Entry{{}, base, path.empty() ? "." : "/"};
  const std::size_t slash = path.find_last_of('/', end);
  if (slash == std::string::npos) return Entry{{}, base, path};
  const std::string parent = path.substr(0, slash + 1);
  // an absolute path starts at the root, which is the base then
  const bool is_base = parent.find_first_not_of('/') == std::string::npos;
  if (is_base && (resolve | doing.confined) == 0) return Entry{{}, base, path.substr(slash + 1)};
  auto directory = open_in_place(doing, base, parent.c_str(), O_PATH | O_DIRECTORY, 0, resolve);
  if (!directory) return std::unexpected(directory.error());
  const int fd = directory->get();
  return Entry{std::move(*directory), fd, path.substr(slash + 1)};
}

Result<Entry> entry_of(const Doing& doing, int base, const std::string& path) {
  auto entry = find_entry(doing, base, path);
  struct statfs found = {};
  if (!entry || fstatfs(entry->directory, &found) == -1) return entry;
  if (doing.held == HeldIds::of_file_systems && is_mistaken_on(found.f_type)) return fail(ENOTSUP);
  entry->system = found;
  return entry;
}

Result<Found> find_file(const Doing& doing) {
  Found found = {.opened = {}, .fd = doing.place.base};
  if (!doing.request.path.empty()) {
    const std::uint64_t follow = doing.request.is_followed ? 0 : O_NOFOLLOW;
    auto fd = open_in_place(doing, found.fd, doing.request.path.c_str(), O_PATH | follow);
    if (!fd) return std::unexpected(fd.error());
    found = {.opened = std::move(*fd), .fd = -1};
    found.fd = found.opened.get();
  }
  if (mistakes_us(doing, found.fd)) return fail(ENOTSUP);
  // nobody lends power over what is somebody else's
  if (doing.request.lent != 0 && !is_owned(doing, found.fd)) return fail(EPERM);
  return found;
}

const struct statfs* system_of(const Entry& entry) {
  return entry.system ? &*entry.system : nullptr;
}

}  // namespace seccompagent
