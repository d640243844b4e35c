// SPDX-License-Identifier: Apache-2.0
// A command under a notify filter. The child makes no system call between loading the filter and
// execve: it could be trapped, and nobody would answer yet.
#include "process/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <atomic>
#include <utility>

#include "kernel/raw_syscall.h"
#include "process/bpf.h"
#include "process/child.h"
#include "process/executing.h"

namespace seccompagent {
namespace {

constexpr int kSignals = 64;
constexpr int kNothing = -1;
constexpr timespec kLookInterval = {.tv_sec = 0, .tv_nsec = 50'000};

}  // namespace

struct Launch::State {
  Execution execution;
  std::vector<sock_filter> filter;
  ChildStack stack;
  unsigned long signal_mask = 0;

  // Written by us when the listener is taken: the child's execve closes its own.
  std::atomic<bool> is_taken = false;
  // Written by the child, the listener last.
  std::atomic<bool> waits_killable = false;
  std::atomic<int> listener = kNothing;
  std::atomic<const char*> failed_step = nullptr;
  std::atomic<int> failure = 0;

  ChildProcess child = {};
  UniqueFd taken_listener;
  std::optional<ExitStatus> status;

  State(LaunchRequest wanted, ChildStack made_stack)
      : execution(std::move(wanted.arguments), std::move(wanted.environment),
                  std::move(wanted.candidates)),
        filter(std::move(wanted.filter)),
        stack(std::move(made_stack)) {}

  bool broke(const char* step, long result) {
    if (result >= 0) return false;
    failure.store(static_cast<int>(-result));
    failed_step.store(step);
    return true;
  }

  SECCOMPAGENT_CHILD_CODE bool become_private() {
    return !broke("prctl of the parent's death signal",
                  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL)) &&
           !broke("unshare of the mount namespace", raw_syscall(SYS_unshare, CLONE_NEWNS)) &&
           !broke("mount of / as private",
                  raw_syscall(SYS_mount, 0, raw_pointer("/"), 0, MS_REC | MS_PRIVATE, 0));
  }

  SECCOMPAGENT_CHILD_CODE int run() {
    if (!become_private()) return 1;
    Execution::reset_signals(signal_mask);
    // Node marks its own standard streams as not to be inherited, and makes pipes non-blocking:
    // for whoever shares them, too.
    for (int fd = 0; fd <= 2; ++fd) {
      raw_syscall(SYS_fcntl, fd, F_SETFD, 0);
      const long flags = raw_syscall(SYS_fcntl, fd, F_GETFL);
      if (flags > 0) raw_syscall(SYS_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK);
    }
    const InstalledFilter installed =
        install_filter(filter.data(), static_cast<unsigned short>(filter.size()));
    if (broke("seccomp", installed.listener)) return 1;
    waits_killable.store(installed.waits_killable);
    listener.store(static_cast<int>(installed.listener));
    while (!is_taken.load()) {
    }
    return execution.execute();
  }

  static SECCOMPAGENT_CHILD_CODE int child_main(void* state) {
    return static_cast<State*>(state)->run();
  }
};

Launch::Launch(std::unique_ptr<State> state) : state_(std::move(state)) {}
Launch::Launch(Launch&&) noexcept = default;

Launch::~Launch() {
  if (!state_ || state_->status) return;
  (void)send_signal(SIGKILL);
  pollfd ended = {.fd = pidfd(), .events = POLLIN, .revents = 0};
  (void)retry_eintr([&] { return poll(&ended, 1, -1); });
  (void)poll_exit();
}

std::expected<Launch, LaunchFailure> Launch::start(LaunchRequest request) {
  const auto failed = [](const char* step, Errno error) {
    return std::unexpected(LaunchFailure{step, error});
  };
  auto stack = ChildStack::make();
  if (!stack) return failed("mmap of a stack", stack.error());
  auto state = std::make_unique<State>(std::move(request), std::move(*stack));
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  for (int signal = 1; signal <= kSignals; ++signal) {
    if (sigismember(&mask, signal) == 1) state->signal_mask |= 1UL << (signal - 1);
  }

  auto child = start_child(state->stack, State::child_main, state.get());
  if (!child) return failed("clone", child.error());
  state->child = std::move(*child);
  Launch launch(std::move(state));
  State& started = *launch.state_;
  // The child has no way to wake us that a filter could not trap, so we look for its descriptor.
  while (started.listener.load() == kNothing) {
    if (launch.poll_exit()) {
      const char* step = started.failed_step.load();
      return failed(step == nullptr ? "start of the child" : step, Errno{started.failure.load()});
    }
    nanosleep(&kLookInterval, nullptr);
  }
  const long fd = syscall(SYS_pidfd_getfd, started.child.pidfd.get(), started.listener.load(), 0);
  if (fd == -1) return failed("pidfd_getfd", Errno{errno});
  started.taken_listener.reset(static_cast<int>(fd));
  started.is_taken.store(true);
  return launch;
}

pid_t Launch::pid() const { return state_->child.pid; }
int Launch::pidfd() const { return state_->child.pidfd.get(); }
bool Launch::waits_killable() const { return state_->waits_killable.load(); }
UniqueFd Launch::take_listener() { return std::move(state_->taken_listener); }

std::optional<ExitStatus> Launch::poll_exit() {
  if (state_->status) return state_->status;
  siginfo_t info = {};
  const int waited = retry_eintr(
      [&] { return waitid(P_PID, static_cast<id_t>(pid()), &info, WEXITED | WNOHANG | __WALL); });
  if (waited == -1 || info.si_pid == 0) return std::nullopt;
  const int code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  state_->status = ExitStatus{code, state_->execution.exec_errno.load()};
  return state_->status;
}

Result<void> Launch::send_signal(int signal) {
  if (syscall(SYS_pidfd_send_signal, state_->child.pidfd.get(), signal, nullptr, 0) == -1)
    return fail_errno();
  return {};
}

}  // namespace seccompagent
