// SPDX-License-Identifier: Apache-2.0
// See clone(2) and unshare(2) for CLONE_FILES, and unix(7) for SCM_RIGHTS.
#include "child_starter.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "helper/wire.h"

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

// `argument` is the number of its socket.
void* run(void* argument) {
  const int error = leave_descriptors(static_cast<int>(reinterpret_cast<std::intptr_t>(argument)));
  if (error == 0) pthread_setname_np(pthread_self(), "child-starter");
  const int socket =
      error == 0 ? kThreadsSocket : static_cast<int>(reinterpret_cast<std::intptr_t>(argument));
  const Answer ready = {.error = error, .pid = 0};
  (void)send_message(socket, bytes_of(ready), {});
  if (error != 0) return nullptr;
  // who orders never closes its end
  while (send_message(kThreadsSocket, bytes_of(take_order()), {})) {
  }
  return nullptr;
}

[[nodiscard]] Result<pid_t> receive_answer(int socket) {
  Answer answer = {};
  const auto received = receive_message(socket, std::as_writable_bytes(std::span(&answer, 1)));
  if (!received) return std::unexpected(received.error());
  if (received->length != sizeof answer) return fail(EBADMSG);
  if (answer.error != 0) return fail(answer.error);
  return answer.pid;
}

// pthread_create copies the mask of who calls it. No handler may run in that thread: it would use
// numbers of descriptors that mean others there.
[[nodiscard]] int create_deaf_thread(int socket) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int error =
      pthread_create(&thread, nullptr, run, reinterpret_cast<void*>(std::intptr_t{socket}));
  if (error == 0) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
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
  if (const int error = create_deaf_thread(theirs.get()); error != 0) return fail(error);
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
  // its number is not used again before somebody has waited for it
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
  if (pidfd.is_open()) return ChildProcess{.pid = *pid, .pidfd = std::move(pidfd)};
  const int error = errno;
  end(*pid);
  return fail(error);
}

}  // namespace seccompagent
