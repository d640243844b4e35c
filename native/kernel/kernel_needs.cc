// SPDX-License-Identifier: Apache-2.0
// Each call is made so that it does nothing: EBADF or EINVAL say that it is there.
#include "kernel/kernel_needs.h"

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace seccompagent {

const char* missing_system_call() {
  open_how how = {};
  const auto is_missing = [](long result) { return result == -1 && errno == ENOSYS; };
  if (is_missing(syscall(SYS_pidfd_open, 0, 0))) return "pidfd_open";
  if (is_missing(syscall(SYS_pidfd_getfd, -1, -1, 0))) return "pidfd_getfd";
  if (is_missing(syscall(SYS_openat2, -1, "", &how, 0))) return "openat2";
  if (is_missing(syscall(SYS_close_range, 1, 0, 0))) return "close_range";
  return nullptr;
}

}  // namespace seccompagent
