// SPDX-License-Identifier: Apache-2.0
// By a pidfd, which needs no path: the thread has the caller's root and rights.
#include "acting/callers_network.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

#include "files/thread_role.h"
#include "kernel/notify.h"

// Linux 6.9.
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

namespace seccompagent {
namespace {

// That of all threads that act.
[[nodiscard]] int own_network() {
  static const UniqueFd own(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  return own.get();
}

[[nodiscard]] Result<UniqueFd> pidfd_of(pid_t tid) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, tid, PIDFD_THREAD)));
  if (!fd.is_open() && errno == EINVAL) fd.reset(static_cast<int>(syscall(SYS_pidfd_open, tid, 0)));
  if (!fd.is_open()) return fail_errno();
  return fd;
}

}  // namespace

Result<void> CallersNetwork::know_own() {
  if (own_network() < 0) return fail_errno();
  return {};
}

CallersNetwork::CallersNetwork(const CallId& call) : call_(call), own_(own_network()) {}

CallersNetwork::~CallersNetwork() {
  if (is_entered_ && setns(own_, CLONE_NEWNET) == -1) std::abort();
}

Result<void> CallersNetwork::enter() {
  if (own_ < 0) return fail(EBADF);
  const auto caller = pidfd_of(call_.tid);
  if (!caller) return std::unexpected(caller.error());
  if (!id_valid(call_.listener, call_.id_valid_request, call_.id)) return fail(ESRCH);
  const LentCapability lent(1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SYS_PTRACE);
  if (setns(caller->get(), CLONE_NEWNET) == -1) return fail_errno();
  is_entered_ = true;
  return {};
}

}  // namespace seccompagent
