// SPDX-License-Identifier: Apache-2.0
// A signal with a handler that does nothing, see sigaction(2) and tgkill(2).
#include "kernel/interrupt_signal.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace seccompagent {
namespace {

// Neither Node nor its libraries use it. No real-time signal: those are refused once a user has too
// many pending, and root's are also those of root in containers, see RLIMIT_SIGPENDING.
constexpr int kInterruptSignal = SIGSTKFLT;

}  // namespace

Result<void> install_interrupt_signal() {
  struct sigaction action = {};
  // without SA_RESTART: the system call is to end
  action.sa_handler = [](int) {};
  if (sigaction(kInterruptSignal, &action, nullptr) == -1) return fail_errno();
  return {};
}

pid_t accept_interrupts() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, kInterruptSignal);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  return static_cast<pid_t>(syscall(SYS_gettid));
}

void interrupt_thread(pid_t tid) { syscall(SYS_tgkill, getpid(), tid, kInterruptSignal); }

}  // namespace seccompagent
