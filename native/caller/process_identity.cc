// SPDX-License-Identifier: Apache-2.0
#include "caller/process_identity.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <charconv>
#include <string_view>
#include <system_error>

#include "caller/proc_text.h"
#include "kernel/process_files.h"

#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446
#endif

namespace seccompagent {
namespace {

[[nodiscard]] std::optional<std::uint64_t> start_of(const UniqueFd& pidfd) {
  const auto stat = read_of_process(pidfd, "stat");
  if (!stat) return std::nullopt;
  const std::string_view start = fields(*stat, kStartTime, kStartTime + 1);
  std::uint64_t ticks = 0;
  const auto [rest, error] = std::from_chars(start.begin(), start.end(), ticks);
  return error == std::errc() ? std::optional(ticks) : std::nullopt;
}

// None: before 6.9 all of them have one.
[[nodiscard]] std::optional<std::uint64_t> inode_of(const UniqueFd& pidfd) {
  struct statfs place = {};
  struct stat status = {};
  const bool is_own = fstatfs(pidfd.get(), &place) == 0 && place.f_type == PID_FS_MAGIC &&
                      fstat(pidfd.get(), &status) == 0;
  return is_own ? std::optional<std::uint64_t>(status.st_ino) : std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> identity_of(const UniqueFd& pidfd) {
  if (!pidfd.is_open()) return std::nullopt;
  const auto inode = inode_of(pidfd);
  return inode ? inode : start_of(pidfd);
}

std::optional<std::uint64_t> identity_of(pid_t process) {
  return identity_of(UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, process, 0))));
}

std::optional<std::uint64_t> identity_of_thread(pid_t tid) {
  // PIDFD_THREAD of pidfd_open(2), which older headers lack
  constexpr int kThread = O_EXCL;
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, tid, kThread)));
  if (const auto inode = pidfd.is_open() ? inode_of(pidfd) : std::nullopt; inode) return inode;
  return has_thread(tid) ? std::optional<std::uint64_t>(0) : std::nullopt;
}

}  // namespace seccompagent
