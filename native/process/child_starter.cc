// SPDX-License-Identifier: Apache-2.0
// See clone(2) and unshare(2) for CLONE_FILES, and unix(7) for SCM_RIGHTS.
#include "process/child_starter.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernel/blocked_signals_thread.h"
#include "kernel/clock.h"
#include "kernel/message.h"

namespace seccompagent {
namespace {

constexpr int kThreadsSocket = STDERR_FILENO + 1;
static_assert(ChildStarter::kFirstGiven == kThreadsSocket + 1);

// Both ends are of one process, so memory is shared.
struct Order {
  const ChildStack* stack;
  ChildMain main;
  void* argument;
};

// 0 or an errno; of a start, also whose it is.
struct Answer {
  int error;
  pid_t pid;
};

template <typename T>
[[nodiscard]] std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// The standard streams and the socket are all that is left.
[[nodiscard]] int leave_descriptors(int socket) {
  if (unshare(CLONE_FILES) == -1) return errno;
  if (socket != kThreadsSocket && dup3(socket, kThreadsSocket, O_CLOEXEC) == -1) return errno;
  if (syscall(SYS_close_range, kThreadsSocket + 1, UINT_MAX, 0) == -1) return errno;
  return 0;
}

// With the descriptors that have come along, which are closed when this returns.
[[nodiscard]] Answer carry_out(const Order& order, const std::vector<UniqueFd>& given) {
  for (std::size_t at = 0; at < given.size(); ++at) {
    // nothing else in this thread opens any, so they are the lowest
    if (given[at].get() != ChildStarter::kFirstGiven + static_cast<int>(at))
      return {.error = EBADF, .pid = -1};
  }
  const auto child = start_unwatched_child(*order.stack, order.main, order.argument);
  if (!child) return {.error = child.error().number, .pid = -1};
  return {.error = 0, .pid = *child};
}

[[nodiscard]] Answer take_order() {
  Order order = {};
  const auto received =
      receive_message(kThreadsSocket, std::as_writable_bytes(std::span(&order, 1)));
  if (!received) return {.error = received.error().number, .pid = -1};
  if (received->length != sizeof order) return {.error = EBADMSG, .pid = -1};
  return carry_out(order, received->fds);
}

// Without it, a thread uses memory of a child that may be running, or ends with this thread.
void send_answer(int socket, const Answer& answer) {
  constexpr Nanoseconds kPause = kMillisecond;
  for (;;) {
    const auto sent = send_message(socket, bytes_of(answer), {});
    if (sent) return;
    if (sent.error() != Errno{ENOBUFS} && sent.error() != Errno{ENOMEM}) abort();
    pause_for(kPause);
  }
}

// `argument` is the number of its socket.
void* run(void* argument) {
  const int socket = static_cast<int>(reinterpret_cast<std::intptr_t>(argument));
  const int error = leave_descriptors(socket);
  send_answer(error == 0 ? kThreadsSocket : socket, {.error = error, .pid = 0});
  if (error != 0) return nullptr;
  pthread_setname_np(pthread_self(), "child-starter");
  for (;;) send_answer(kThreadsSocket, take_order());
}

[[nodiscard]] Result<pid_t> receive_answer(int socket) {
  Answer answer = {};
  const auto received = receive_message(socket, std::as_writable_bytes(std::span(&answer, 1)));
  if (!received || received->length != sizeof answer) abort();
  if (answer.error != 0) return fail(answer.error);
  return answer.pid;
}

void end(pid_t pid) {
  kill(pid, SIGKILL);
  (void)retry_eintr([pid] { return waitpid(pid, nullptr, __WALL); });
}

}  // namespace

// Never freed, as its thread.
ChildStarter& ChildStarter::of_process() {
  static auto& starter = *new ChildStarter;
  return starter;
}

Result<void> ChildStarter::start() {
  const std::lock_guard lock(mutex_);
  if (socket_.is_open()) return {};
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1) return fail_errno();
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  // a handler of a signal would use numbers of descriptors that mean others there
  void* argument = reinterpret_cast<void*>(std::intptr_t{theirs.get()});
  if (const auto started = start_blocked_signals_thread(run, argument); !started) return started;
  const auto ready = receive_answer(ours.get());
  if (!ready) return std::unexpected(ready.error());
  socket_ = std::move(ours);
  return {};
}

Result<ChildProcess> ChildStarter::start_child(const ChildStack& stack, ChildMain main,
                                               void* argument, std::span<const int> given) {
  // a child that nobody can watch must not be started: this keeps a number for it
  UniqueFd reserved(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!reserved.is_open()) return fail_errno();
  const Order order = {.stack = &stack, .main = main, .argument = argument};
  Result<pid_t> pid = fail(ECHILD);
  {
    const std::lock_guard lock(mutex_);
    if (!socket_.is_open()) return fail(ECHILD);
    if (const auto sent = send_message(socket_.get(), bytes_of(order), given); !sent)
      return std::unexpected(sent.error());
    pid = receive_answer(socket_.get());
  }
  if (!pid) return std::unexpected(pid.error());
  reserved.reset();
  // Its number is not used again before somebody has waited for it. This fails only where another
  // thread takes the last number that a descriptor can have at this very moment.
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
  if (pidfd.is_open()) return ChildProcess{.pid = *pid, .pidfd = std::move(pidfd)};
  const int error = errno;
  end(*pid);
  return fail(error);
}

}  // namespace seccompagent
