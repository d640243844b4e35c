// SPDX-License-Identifier: Apache-2.0
// A signal with a handler that does nothing, see sigaction(2) and tgkill(2).
#include "kernel/kick_signal.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace seccompagent {
namespace {

// Neither Node nor its libraries use it. No real-time signal: those are refused once a user has too
// many pending, and root's are also those of root in containers, see RLIMIT_SIGPENDING.
constexpr int kKickSignal = SIGSTKFLT;

}  // namespace

Result<void> install_kick_signal() {
  struct sigaction action = {};
  // without SA_RESTART: the system call is to end
  action.sa_handler = [](int) {};
  if (sigaction(kKickSignal, &action, nullptr) == -1) return fail_errno();
  return {};
}

pid_t accept_kicks() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, kKickSignal);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  return static_cast<pid_t>(syscall(SYS_gettid));
}

void kick_thread(pid_t tid) { syscall(SYS_tgkill, getpid(), tid, kKickSignal); }

}  // namespace seccompagent
