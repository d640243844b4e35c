// SPDX-License-Identifier: Apache-2.0
// Tests the ioctls of a listener, on calls of a thread of the test's own.
#include "kernel/notify.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "caller/caller_state.h"
#include "check.h"
#include "kernel/clock.h"
#include "kernel/unique_fd.h"
#include "process/bpf.h"

namespace seccompagent::test {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#endif

enum class Signals : std::uint8_t { wait_for_the_answer, interrupt };

// A thread that makes one call which a listener of the process is notified of.
class Caller {
 public:
  // The call is getpriority(2), which nobody else makes here.
  explicit Caller(long first = 0, long second = 0, Signals signals = Signals::wait_for_the_answer)
      : thread_([this, first, second, signals] { call(first, second, signals); }) {
    listener_.wait(0);
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() {
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] int listener() const { return fd_.get(); }
  // Result of the call: the kernel's own.
  [[nodiscard]] long result() {
    thread_.join();
    return result_;
  }

 private:
  void call(long first, long second, Signals signals) {
    auto filter = VALUE(assemble_filter({{kArch, {static_cast<std::uint32_t>(SYS_getpriority)}}}));
    const sock_fprog program = {.len = static_cast<unsigned short>(filter.size()),
                                .filter = filter.data()};
    const long fd = signals == Signals::interrupt
                        ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                  SECCOMP_FILTER_FLAG_NEW_LISTENER, &program)
                        : install_filter(program.filter, program.len).listener;
    CHECK(fd >= 0);
    fd_.reset(static_cast<int>(fd));
    listener_.store(1);
    listener_.notify_one();
    const long made = syscall(SYS_getpriority, first, second);
    result_ = made == -1 ? -errno : made;
  }

  UniqueFd fd_;
  std::atomic<int> listener_ = 0;
  long result_ = 0;
  std::thread thread_;
};

Result<Notification> receive(NotifyBuffers& buffers, int listener) {
  Notification notification = {};
  const auto received = buffers.receive(listener, notification);
  if (!received) return std::unexpected(received.error());
  return notification;
}

NotifyBuffers real_buffers() { return NotifyBuffers(VALUE(notify_sizes())); }

void knows_the_sizes() {
  const NotifySizes sizes = VALUE(notify_sizes());
  CHECK(sizes.notification >= sizeof(seccomp_notif));
  CHECK(sizes.response >= sizeof(seccomp_notif_resp));
  CHECK(sizes.data >= sizeof(seccomp_data));
}

void answer_one(NotifyBuffers buffers) {
  Caller caller(0x1234567, 0x7654321);
  const Notification seen = VALUE(receive(buffers, caller.listener()));
  CHECK_EQUAL(seen.nr, static_cast<std::int32_t>(SYS_getpriority));
  CHECK_EQUAL(seen.arch, kArch);
  CHECK_EQUAL(seen.arguments[0], 0x1234567ULL);
  CHECK_EQUAL(seen.arguments[1], 0x7654321ULL);
  CHECK(seen.tid > 0 && seen.tid != getpid());
  CHECK(seen.instruction_pointer != 0);
  VALUE(
      buffers.respond(caller.listener(), seen.id, {.value = 77, .error = 0, .is_continue = false}));
  CHECK_EQUAL(caller.result(), 77L);
}

void receives_and_answers() { answer_one(real_buffers()); }

void works_with_larger_structs() {
  for (const std::size_t more : {1UL, 8UL, 64UL, 4096UL}) {
    NotifySizes sizes = VALUE(notify_sizes());
    sizes.notification += more;
    sizes.response += more;
    sizes.data += more;
    answer_one(NotifyBuffers(sizes));
  }
}

void works_with_smaller_structs() {
  // an older kernel writes less than our headers have room for
  answer_one(NotifyBuffers({.notification = 1, .response = 1, .data = 1}));
}

void receives_again_with_the_same_buffers() {
  NotifyBuffers buffers = real_buffers();
  for (long round = 1; round <= 3; ++round) {
    Caller caller(round);
    // what is left of the call before would be EINVAL
    const Notification seen = VALUE(receive(buffers, caller.listener()));
    CHECK_EQUAL(seen.arguments[0], static_cast<std::uint64_t>(round));
    VALUE(buffers.respond(caller.listener(), seen.id,
                          {.value = round, .error = 0, .is_continue = false}));
    CHECK_EQUAL(caller.result(), round);
  }
}

void answers_with_an_errno() {
  NotifyBuffers buffers = real_buffers();
  Caller caller;
  const Notification seen = VALUE(receive(buffers, caller.listener()));
  // a value beside an error would be refused or taken for the result
  VALUE(buffers.respond(caller.listener(), seen.id,
                        {.value = 5, .error = -EDOM, .is_continue = false}));
  CHECK_EQUAL(caller.result(), static_cast<long>(-EDOM));
}

void continues() {
  NotifyBuffers buffers = real_buffers();
  // PRIO_PROCESS of this very thread: the kernel's own result is 20 - nice
  Caller caller(0, 0);
  const Notification seen = VALUE(receive(buffers, caller.listener()));
  VALUE(buffers.respond(caller.listener(), seen.id,
                        {.value = 5, .error = -EDOM, .is_continue = true}));
  const long result = caller.result();
  CHECK(result >= 1 && result <= 40);
}

void is_told_of_a_second_answer() {
  NotifyBuffers buffers = real_buffers();
  Caller caller;
  const Notification seen = VALUE(receive(buffers, caller.listener()));
  const Response response = {.value = 1, .error = 0, .is_continue = false};
  VALUE(buffers.respond(caller.listener(), seen.id, response));
  const Errno again = ERROR(buffers.respond(caller.listener(), seen.id, response));
  CHECK(again == Errno{EINPROGRESS} || again == Errno{ENOENT});
  CHECK_EQUAL(caller.result(), 1L);
}

void is_told_of_an_id_that_is_none() {
  NotifyBuffers buffers = real_buffers();
  Caller caller;
  const Notification seen = VALUE(receive(buffers, caller.listener()));
  CHECK_EQUAL(ERROR(buffers.respond(caller.listener(), seen.id + 1,
                                    {.value = 1, .error = 0, .is_continue = false})),
              Errno{ENOENT});
  VALUE(
      buffers.respond(caller.listener(), seen.id, {.value = 2, .error = 0, .is_continue = false}));
  CHECK_EQUAL(caller.result(), 2L);
}

void knows_what_is_valid() {
  NotifyBuffers buffers = real_buffers();
  Caller caller;
  const Notification seen = VALUE(receive(buffers, caller.listener()));
  const unsigned long request = VALUE(probe_id_valid(caller.listener()));
  CHECK_EQUAL(request, static_cast<unsigned long>(SECCOMP_IOCTL_NOTIF_ID_VALID));
  // the number that kernels before 5.17 have; newer ones take it too
  const auto wrong_direction = static_cast<unsigned long>(SECCOMP_IOR(2, __u64));
  for (const unsigned long each : {request, wrong_direction}) {
    CHECK(id_valid(caller.listener(), each, seen.id));
    CHECK(!id_valid(caller.listener(), each, seen.id + 1));
  }
  VALUE(
      buffers.respond(caller.listener(), seen.id, {.value = 0, .error = 0, .is_continue = false}));
  CHECK_EQUAL(caller.result(), 0L);
  CHECK(!id_valid(caller.listener(), request, seen.id));
}

void is_told_that_all_are_gone() {
  NotifyBuffers buffers = real_buffers();
  Caller caller;
  const Notification seen = VALUE(receive(buffers, caller.listener()));
  VALUE(
      buffers.respond(caller.listener(), seen.id, {.value = 0, .error = 0, .is_continue = false}));
  CHECK_EQUAL(caller.result(), 0L);
  pollfd listener = {.fd = caller.listener(), .events = POLLIN, .revents = 0};
  CHECK_EQUAL(poll(&listener, 1, 5000), 1);
  CHECK((listener.revents & POLLHUP) != 0);
  CHECK((listener.revents & POLLIN) == 0);
}

void takes_the_wake_up_flag() {
  Caller caller;
  VALUE(set_sync_wake_up(caller.listener()));
  NotifyBuffers buffers = real_buffers();
  const Notification seen = VALUE(receive(buffers, caller.listener()));
  VALUE(
      buffers.respond(caller.listener(), seen.id, {.value = 3, .error = 0, .is_continue = false}));
  CHECK_EQUAL(caller.result(), 3L);
}

void probes_other_descriptors() {
  std::array<int, 2> pipe_ends = {-1, -1};
  std::array<int, 2> sockets = {-1, -1};
  CHECK_EQUAL(pipe2(pipe_ends.data(), O_CLOEXEC), 0);
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()), 0);
  const std::array others = {UniqueFd(pipe_ends[0]),
                             UniqueFd(pipe_ends[1]),
                             UniqueFd(sockets[0]),
                             UniqueFd(sockets[1]),
                             UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC)),
                             UniqueFd(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                             UniqueFd(open("/", O_PATH | O_CLOEXEC)),
                             UniqueFd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)),
                             UniqueFd(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)),
                             UniqueFd(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)),
                             UniqueFd(eventfd(0, EFD_CLOEXEC)),
                             UniqueFd(epoll_create1(EPOLL_CLOEXEC)),
                             UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)),
                             UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0))),
                             UniqueFd(static_cast<int>(syscall(SYS_memfd_create, "test", 1U)))};
  for (const UniqueFd& other : others) {
    CHECK(other.is_open());
    CHECK_EQUAL(ERROR(probe_id_valid(other.get())), Errno{ENOTTY});
    CHECK(!id_valid(other.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, 0));
  }
  CHECK_EQUAL(ERROR(probe_id_valid(-1)), Errno{ENOTTY});
  CHECK_EQUAL(ERROR(probe_id_valid(1'000'000)), Errno{ENOTTY});
}

std::atomic<int> signal_count = 0;

// Threads of this process have one processor from now on, and this one goes before the others.
void keep_others_from_running(bool is_kept) {
  const sched_param priority = {.sched_priority = is_kept ? 1 : 0};
  CHECK_EQUAL(sched_setscheduler(0, is_kept ? SCHED_FIFO : SCHED_OTHER, &priority), 0);
}

void use_one_processor() {
  cpu_set_t all;
  CHECK_EQUAL(sched_getaffinity(0, sizeof all, &all), 0);
  std::size_t first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  CHECK_EQUAL(sched_setaffinity(0, sizeof one, &one), 0);
}

// What respond_carefully of a worker relies on: an answer is not lost to a signal that has woken
// the caller, as long as the caller has not run.
void answers_reach_who_has_not_run() {
  struct sigaction action = {};
  action.sa_handler = [](int) { signal_count.fetch_add(1); };
  CHECK_EQUAL(sigaction(SIGUSR1, &action, nullptr), 0);
  use_one_processor();
  NotifyBuffers buffers = real_buffers();
  Caller caller(0, 0, Signals::interrupt);
  const Notification seen = VALUE(receive(buffers, caller.listener()));
  CallerState& state = CallerState::of(seen.tid);
  const auto is_asleep = [&] {
    VALUE(state.read_status());
    return state.has_slept_on();
  };
  while (!is_asleep()) pause_for(kMillisecond);

  keep_others_from_running(true);
  CHECK(is_asleep());
  CHECK_EQUAL(tgkill(getpid(), seen.tid, SIGUSR1), 0);
  CHECK(state.is_awake());
  CHECK(state.has_slept_on());
  const auto sent =
      buffers.respond(caller.listener(), seen.id, {.value = 77, .error = 0, .is_continue = false});
  CHECK(state.has_slept_on());
  keep_others_from_running(false);

  VALUE(sent);
  CHECK_EQUAL(caller.result(), 77L);
  CHECK_EQUAL(signal_count.load(), 1);
}

void is_told_of_who_has_run() {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  CHECK_EQUAL(sigaction(SIGUSR1, &action, nullptr), 0);
  NotifyBuffers buffers = real_buffers();
  Caller caller(0, 0, Signals::interrupt);
  const Notification seen = VALUE(receive(buffers, caller.listener()));
  CallerState& state = CallerState::of(seen.tid);
  do VALUE(state.read_status());
  while (!state.has_slept_on());
  CHECK_EQUAL(tgkill(getpid(), seen.tid, SIGUSR1), 0);
  CHECK_EQUAL(caller.result(), static_cast<long>(-EINTR));
  CHECK(!state.has_slept_on());
}

// Signals to a thread, as fast as another one can send them.
class SignalStorm {
 public:
  explicit SignalStorm(pid_t thread) : thread_([this, thread] { send(thread); }) {
    has_begun_.wait(false);
  }
  SignalStorm(const SignalStorm&) = delete;
  SignalStorm& operator=(const SignalStorm&) = delete;
  ~SignalStorm() {
    is_over_.store(true);
    thread_.join();
  }

 private:
  void send(pid_t thread) {
    while (!is_over_.load()) {
      CHECK_EQUAL(tgkill(getpid(), thread, SIGUSR1), 0);
      if (!has_begun_.exchange(true)) has_begun_.notify_one();
    }
  }

  std::atomic<bool> has_begun_ = false;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

void gives_descriptors_in_a_storm_of_signals() {
  constexpr int kRounds = 300;
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  CHECK_EQUAL(sigaction(SIGUSR1, &action, nullptr), 0);
  NotifyBuffers buffers = real_buffers();
  const UniqueFd given(eventfd(0, EFD_CLOEXEC));
  for (int round = 0; round < kRounds; ++round) {
    Caller caller(round);
    const Notification seen = VALUE(receive(buffers, caller.listener()));
    {
      const SignalStorm storm(gettid());
      VALUE(respond_with_fd(caller.listener(), seen.id, given.get(), true));
    }
    // 0 is what the caller gets of an answer whose descriptor has not come along
    const long number = caller.result();
    CHECK(number > 0);
    CHECK(UniqueFd(static_cast<int>(number)).is_open());
  }
}

constexpr Case kCases[] = {
    {"K15: notify_sizes: they are at least those that we were built with", knows_the_sizes},
    {"NotifyBuffers: a call is received whole and answered", receives_and_answers},
    {"K15: NotifyBuffers: a kernel with larger structs is served", works_with_larger_structs},
    {"K15: NotifyBuffers: a kernel with smaller structs is served", works_with_smaller_structs},
    {"K15: NotifyBuffers: they serve again and again", receives_again_with_the_same_buffers},
    {"K17: NotifyBuffers: an errno goes out without a value", answers_with_an_errno},
    {"K17: NotifyBuffers: continue goes out without value and errno", continues},
    {"K12: NotifyBuffers: a second answer is an error", is_told_of_a_second_answer},
    {"K5: NotifyBuffers: an answer to nobody is ENOENT", is_told_of_an_id_that_is_none},
    {"K16: id_valid: both numbers of the ioctl tell what is valid", knows_what_is_valid},
    {"K13: a listener whose users are gone hangs up", is_told_that_all_are_gone},
    {"K22: set_sync_wake_up: this kernel takes it", takes_the_wake_up_flag},
    {"K8: an answer reaches a caller whom a signal has woken and who has not run",
     answers_reach_who_has_not_run},
    {"K8: a caller whom a signal has taken its call from has run", is_told_of_who_has_run},
    {"K8: respond_with_fd: a signal at that moment does not take the descriptor from the answer",
     gives_descriptors_in_a_storm_of_signals},
    {"probe_id_valid: other descriptors are no listeners", probes_other_descriptors}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
