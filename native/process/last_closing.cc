// SPDX-License-Identifier: Apache-2.0
#include "process/last_closing.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "kernel/raw_syscall.h"
#include "process/child.h"

namespace seccompagent {
namespace {

// More than anybody has.
constexpr rlim_t kMaxDescriptors = 1U << 20U;

// Memory that the child reads; it lives until the child has ended.
struct Closing {
  ChildStack stack;
  pid_t agent;
  // One of the kernel's that nobody else sends, as would who ends all processes of a service.
  int our_end;
  // Assumed if nobody tells their number.
  long max_descriptors;
};

SECCOMPAGENT_CHILD_CODE void wait_for_our_end(const Closing& closing) {
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, closing.our_end);
  const unsigned long awaited = 1UL << static_cast<unsigned>(closing.our_end - 1);
  // it was already, or it may be missed
  while (raw_syscall(SYS_getppid) == closing.agent &&
         raw_syscall(SYS_rt_sigtimedwait, raw_pointer(&awaited), 0, 0, sizeof awaited) < 0) {
  }
}

// Of a descriptor; negative: there is no such one.
SECCOMPAGENT_CHILD_CODE long type_of(long fd) {
  struct statx found;
  found.stx_mode = 0;
  const long flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  const long looked =
      raw_syscall(SYS_statx, fd, raw_pointer(""), flags, STATX_TYPE, raw_pointer(&found));
  return looked < 0 ? looked : found.stx_mode & S_IFMT;
}

// All kernels know the number of this question that was the first one. No call has the id 0.
SECCOMPAGENT_CHILD_CODE bool is_listener(long fd) {
  constexpr long kIsValid = SECCOMP_IOR(2, __u64);
  const std::uint64_t id = 0;
  return raw_syscall(SYS_ioctl, fd, kIsValid, raw_pointer(&id)) == -ENOENT;
}

// Descriptors that are no files, such as listeners, have no type.
SECCOMPAGENT_CHILD_CODE void close_listeners(long descriptors) {
  for (long fd = 0; fd < descriptors; ++fd) {
    if (type_of(fd) == 0 && is_listener(fd)) raw_syscall(SYS_close, fd);
  }
}

SECCOMPAGENT_CHILD_CODE void close_others(long descriptors) {
  for (long fd = 0; fd < descriptors; ++fd) {
    const long type = type_of(fd);
    if (type >= 0 && type != S_IFREG) raw_syscall(SYS_close, fd);
  }
}

// The number behind "\nFDSize:" in its own status, see proc_pid_status(5): no descriptor is
// greater. 0: nobody knows. Most may be far more, and who looks at all of them takes a second.
SECCOMPAGENT_CHILD_CODE long table_size() {
  char text[1024];
  const long status =
      raw_syscall(SYS_openat, AT_FDCWD, raw_pointer("/proc/self/status"), O_RDONLY | O_CLOEXEC);
  if (status < 0) return 0;
  const long length = raw_syscall(SYS_read, status, raw_pointer(text), sizeof text);
  raw_syscall(SYS_close, status);
  const char* const name = "\nFDSize:\t";
  long matched = 0;
  long size = 0;
  for (long at = 0; at < length; ++at) {
    // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): the kernel has written it
    const char letter = text[at];
    if (name[matched] == '\0') {
      if (letter < '0' || letter > '9') return size;
      size = size * 10 + (letter - '0');
    } else if (letter == name[matched]) {
      ++matched;
    } else {
      matched = letter == name[0] ? 1 : 0;
    }
  }
  return 0;
}

SECCOMPAGENT_CHILD_CODE int close_all(void* argument) {
  const Closing& closing = *static_cast<Closing*>(argument);
  raw_syscall(SYS_prctl, PR_SET_NAME, raw_pointer("last-closing"));
  wait_for_our_end(closing);
  const long size = table_size();
  const long descriptors = size > 0 ? size : closing.max_descriptors;
  close_listeners(descriptors);
  // a container's sockets may be among them, which take their time
  close_others(descriptors);
  return 0;
}

struct Running {
  std::unique_ptr<Closing> closing;
  ChildProcess child;
};

[[nodiscard]] std::optional<Running> run_child() {
  auto stack = ChildStack::make();
  rlimit max = {};
  if (!stack || getrlimit(RLIMIT_NOFILE, &max) == -1) return std::nullopt;
  auto closing = std::make_unique<Closing>(
      Closing{.stack = std::move(*stack),
              .agent = getpid(),
              .our_end = SIGRTMAX,
              .max_descriptors = static_cast<long>(std::min(max.rlim_cur, kMaxDescriptors))});
  auto child = start_sharing_child(closing->stack, close_all, closing.get());
  if (!child) return std::nullopt;
  return Running{.closing = std::move(closing), .child = std::move(*child)};
}

void end_child(Running running) {
  const auto ended = await_child(running.child, {.max = 0});
  // it was killed, and still is there: it may go on using this
  if (!ended && ended.error() == Errno{EBUSY}) (void)running.closing.release();
}

// The kernel tells the child of the end of the thread that has started it, so this one goes on for
// ever.
[[noreturn]] void keep_running() {
  // where there is no process to be had, or who kills it does so again
  constexpr std::chrono::seconds kAgain(1);
  for (;;) {
    if (auto running = run_child()) {
      pollfd end = {.fd = running->child.pidfd.get(), .events = POLLIN, .revents = 0};
      (void)retry_eintr([&] { return poll(&end, 1, -1); });
      end_child(std::move(*running));
    }
    std::this_thread::sleep_for(kAgain);
  }
}

}  // namespace

LastClosing& LastClosing::of_process() {
  static LastClosing closing;
  return closing;
}

void LastClosing::start() {
  if (!is_started_.test_and_set()) std::thread(keep_running).detach();
}

}  // namespace seccompagent
