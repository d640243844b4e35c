// SPDX-License-Identifier: Apache-2.0
#include "container_masks.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cstdio>
#include <string>

namespace seccompagent {
namespace {

[[nodiscard]] Result<std::string> mountinfo_of(pid_t pid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/mountinfo", pid);
  const UniqueFd file(retry_eintr([&] { return open(path, O_RDONLY | O_CLOEXEC); }));
  return file.is_open() ? read_mountinfo(file) : fail_errno();
}

}  // namespace

Result<Masks> masks_of_process(pid_t pid, const UniqueFd& pidfd) {
  if (!pidfd.is_open()) return fail(ESRCH);
  const auto text = mountinfo_of(pid);
  // whoever has got the number since is somebody else
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) == -1) return fail(ESRCH);
  // one that has ended and was not waited for yet has no mounts
  if (!text) return fail(text.error() == Errno{EINVAL} ? ESRCH : text.error().number);
  return find_masks(*text);
}

}  // namespace seccompagent
