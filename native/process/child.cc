// SPDX-License-Identifier: Apache-2.0
// Child processes that share our memory, see clone(2) and pidfd_open(2).
#include "process/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <utility>

namespace seccompagent {
namespace {

constexpr std::size_t kStack = 64UL * 1024;
// Interval of looks at its work: at least so often, and several times before a short deadline.
constexpr Nanoseconds kLook = TimeTaken::kMaxSeen;
constexpr Nanoseconds kFewestLooks = 5;

// A page, of which arm64 has some that are as large as a whole stack.
[[nodiscard]] std::size_t guard_size() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

[[nodiscard]] bool has_ended(const ChildProcess& child, int timeout_ms) {
  pollfd ended = {.fd = child.pidfd.get(), .events = POLLIN, .revents = 0};
  // EINTR only makes the wait longer
  return retry_eintr([&] { return poll(&ended, 1, timeout_ms); }) > 0;
}

void reap(const ChildProcess& child) {
  siginfo_t info = {};
  (void)retry_eintr(
      [&] { return waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | __WALL); });
}

}  // namespace

Result<ChildStack> ChildStack::make() {
  void* base = mmap(nullptr, guard_size() + kStack, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (base == MAP_FAILED) return fail_errno();
  ChildStack stack(base);
  if (mprotect(base, guard_size(), PROT_NONE) == -1) return fail_errno();
  return stack;
}

ChildStack::ChildStack(ChildStack&& other) noexcept : base_(std::exchange(other.base_, nullptr)) {}

ChildStack::~ChildStack() {
  if (base_ != nullptr) munmap(base_, guard_size() + kStack);
}

void* ChildStack::top() const { return static_cast<std::byte*>(bottom()) + kStack; }

void* ChildStack::bottom() const { return static_cast<std::byte*>(base_) + guard_size(); }

namespace {

// No exit signal: nobody else's SIGCHLD handler hears of this child.
[[nodiscard]] Result<pid_t> start_with(int flags, const ChildStack& stack, ChildMain main,
                                       void* argument, int* pidfd) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // a handler of ours must never run in the child: it would run on our memory
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = clone(main, stack.top(), CLONE_VM | flags, argument, pidfd);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid == -1) return fail(error);
  return pid;
}

[[nodiscard]] Result<ChildProcess> start_watched(int flags, const ChildStack& stack, ChildMain main,
                                                 void* argument) {
  int pidfd = -1;
  const auto pid = start_with(CLONE_PIDFD | flags, stack, main, argument, &pidfd);
  if (!pid) return std::unexpected(pid.error());
  return ChildProcess{*pid, UniqueFd(pidfd)};
}

}  // namespace

Result<ChildProcess> start_child(const ChildStack& stack, ChildMain main, void* argument) {
  return start_watched(0, stack, main, argument);
}

Result<ChildProcess> start_sharing_child(const ChildStack& stack, ChildMain main, void* argument) {
  return start_watched(CLONE_FILES, stack, main, argument);
}

Result<pid_t> start_unwatched_child(const ChildStack& stack, ChildMain main, void* argument) {
  return start_with(0, stack, main, argument, nullptr);
}

namespace {

// The beginning of a file of a process; empty: it has ended.
using Beginning = std::array<char, 128>;
[[nodiscard]] std::string_view read_beginning(pid_t task, const char* name, Beginning& text) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/%s", task, name);
  const UniqueFd file(retry_eintr([&] { return open(path, O_RDONLY | O_CLOEXEC); }));
  if (!file.is_open()) return {};
  const ssize_t got = retry_eintr([&] { return read(file.get(), text.data(), text.size()); });
  return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

[[nodiscard]] bool is_in_state(pid_t task, char state) {
  Beginning text = {};
  const std::string_view stat = read_beginning(task, "stat", text);
  // behind the name, which may have any characters
  const std::size_t end = stat.rfind(") ");
  return end != std::string_view::npos && stat.substr(end + 2).starts_with(state);
}

}  // namespace

bool is_runnable(pid_t task) { return is_in_state(task, 'R'); }

bool is_asleep(pid_t task) { return is_in_state(task, 'S'); }

bool is_uninterruptible(pid_t task) { return is_in_state(task, 'D'); }

Nanoseconds computed_by(pid_t task) {
  Beginning text = {};
  const std::string_view schedstat = read_beginning(task, "schedstat", text);
  Nanoseconds computed = 0;
  std::from_chars(schedstat.begin(), schedstat.end(), computed);
  return computed;
}

void TimeTaken::note(bool was_runnable, Nanoseconds max_seen, Nanoseconds computed) {
  const Nanoseconds time = now();
  const Nanoseconds elapsed = time - noted_;
  const Nanoseconds more =
      std::clamp<Nanoseconds>(computed - computed_.value_or(computed), 0, elapsed);
  counted_ += was_runnable ? more : std::min(elapsed, max_seen);
  computed_ = computed;
  noted_ = time;
}

Nanoseconds TimeTaken::left(const Patience& patience) const {
  if (noted_ - begun_ >= patience.max + kMaxUnscheduled) return 0;
  const bool has_to_hurry = patience.is_needed != nullptr && patience.is_needed->load();
  const Nanoseconds max =
      has_to_hurry ? std::min(patience.max, patience.max_if_needed) : patience.max;
  return std::max<Nanoseconds>(max - counted_, 0);
}

Result<void> await_child(const ChildProcess& child, const Patience& patience, TimeTaken& taken) {
  const Nanoseconds look = std::clamp(patience.max / kFewestLooks, kMillisecond, kLook);
  for (;;) {
    const Nanoseconds left = taken.left(patience);
    const Nanoseconds wait = std::min(left, look) + kMillisecond - 1;
    if (has_ended(child, static_cast<int>(wait / kMillisecond))) {
      reap(child);
      return {};
    }
    if (left == 0) break;
    taken.note(is_runnable(child.pid), 2 * look, computed_by(child.pid));
  }
  syscall(SYS_pidfd_send_signal, child.pidfd.get(), SIGKILL, nullptr, 0);
  // one that waits for a processor may still be at what it did when it was killed
  for (const Nanoseconds killed = now(); !has_ended(child, kDying / kMillisecond);)
    if (!is_runnable(child.pid) || now() - killed >= TimeTaken::kMaxUnscheduled) return fail(EBUSY);
  reap(child);
  return fail(ETIMEDOUT);
}

}  // namespace seccompagent
