// SPDX-License-Identifier: Apache-2.0
#include "caller/process_identity.h"

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

}  // namespace

std::optional<std::uint64_t> identity_of(const UniqueFd& pidfd) {
  struct statfs place = {};
  struct stat status = {};
  if (!pidfd.is_open() || fstatfs(pidfd.get(), &place) == -1) return std::nullopt;
  // before 6.9 all of them have one inode
  if (place.f_type != PID_FS_MAGIC) return start_of(pidfd);
  if (fstat(pidfd.get(), &status) == -1) return std::nullopt;
  return status.st_ino;
}

std::optional<std::uint64_t> identity_of(pid_t process) {
  return identity_of(UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, process, 0))));
}

}  // namespace seccompagent
