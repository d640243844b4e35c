// SPDX-License-Identifier: Apache-2.0
#include "process/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace seccompagent {
namespace {

// Headers of distributions may be older than these.
constexpr std::uint64_t kRefer = 1UL << 13U;
constexpr std::uint64_t kTruncate = 1UL << 14U;
constexpr int kFirstWithRefer = 2;
constexpr int kFirstWithTruncate = 3;

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kRead = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;
// Of what is no folder; no other right is one of such files.
constexpr std::uint64_t kOfFiles = kReadFile | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;
// The first version has these, and no others.
constexpr std::uint64_t kFirstRights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;

[[nodiscard]] Result<std::uint64_t> known_rights() {
  const long version =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version == -1) return fail(EOPNOTSUPP);
  return kFirstRights | (version >= kFirstWithRefer ? kRefer : 0) |
         (version >= kFirstWithTruncate ? kTruncate : 0);
}

[[nodiscard]] Result<void> allow(int ruleset, const std::string& path, std::uint64_t rights) {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  // others may have put one there meanwhile, which leads to more
  how.resolve = RESOLVE_NO_SYMLINKS;
  const UniqueFd file(
      static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof(how))));
  if (!file.is_open() && (errno == ENOENT || errno == ENOTDIR)) return {};
  if (!file.is_open()) return fail_errno();
  struct stat status = {};
  if (fstat(file.get(), &status) == -1) return fail_errno();
  landlock_path_beneath_attr rule = {};
  rule.allowed_access = S_ISDIR(status.st_mode) ? rights : rights & kOfFiles;
  rule.parent_fd = file.get();
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == -1)
    return fail_errno();
  return {};
}

}  // namespace

Result<UniqueFd> make_ruleset(const OpenableFiles& files) {
  const auto rights = known_rights();
  if (!rights) return std::unexpected(rights.error());
  landlock_ruleset_attr wanted = {};
  wanted.handled_access_fs = *rights;
  UniqueFd ruleset(static_cast<int>(
      syscall(SYS_landlock_create_ruleset, &wanted, sizeof(wanted.handled_access_fs), 0)));
  if (!ruleset.is_open()) return fail_errno();
  for (const std::string& path : files.readable) {
    if (const auto done = allow(ruleset.get(), path, kRead); !done)
      return std::unexpected(done.error());
  }
  for (const std::string& path : files.writable) {
    if (const auto done = allow(ruleset.get(), path, *rights); !done)
      return std::unexpected(done.error());
  }
  return ruleset;
}

}  // namespace seccompagent
