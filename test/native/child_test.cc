// SPDX-License-Identifier: Apache-2.0
// Tests children that share the test's memory: start, end, deadline.
#include "process/child.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>
#include <utility>

#include "check.h"
#include "kernel/raw_syscall.h"

namespace seccompagent::test {
namespace {

constexpr Patience kLong = {.max = 10 * kSecond};

struct Seen {
  std::atomic<long> pid = 0;
  std::atomic<long> number = 0;
  std::atomic<unsigned long> mask = 0;
};

SECCOMPAGENT_CHILD_CODE int note_pid(void* argument) {
  static_cast<Seen*>(argument)->pid.store(raw_syscall(SYS_getpid));
  return 0;
}

SECCOMPAGENT_CHILD_CODE int note_mask(void* argument) {
  unsigned long mask = 0;
  raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, raw_pointer(&mask), sizeof mask);
  static_cast<Seen*>(argument)->mask.store(mask);
  return 0;
}

SECCOMPAGENT_CHILD_CODE int close_number(void* argument) {
  Seen& seen = *static_cast<Seen*>(argument);
  raw_syscall(SYS_close, seen.number.load());
  raw_syscall(SYS_chdir, raw_pointer("/proc"));
  raw_syscall(SYS_umask, 077);
  raw_syscall(SYS_setresuid, 1000, 1000, 1000);
  return 0;
}

SECCOMPAGENT_CHILD_CODE int end_with_seven(void*) { return 7; }

SECCOMPAGENT_CHILD_CODE int sleep_long(void* argument) {
  static_cast<Seen*>(argument)->number.store(1);
  const timespec hour = {.tv_sec = 3600, .tv_nsec = 0};
  raw_syscall(SYS_nanosleep, raw_pointer(&hour), 0);
  return 0;
}

long elapsed_ms(const timespec& since) {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - since.tv_sec) * 1000 + (now.tv_nsec - since.tv_nsec) / 1'000'000;
}

// No zombie and nobody else is left.
void check_childless() {
  CHECK_EQUAL(waitpid(-1, nullptr, __WALL | WNOHANG), -1);
  CHECK_EQUAL(errno, ECHILD);
}

void runs_in_another_process() {
  const ChildStack stack = VALUE(ChildStack::make());
  Seen seen;
  ChildProcess child = VALUE(start_child(stack, note_pid, &seen));
  const pid_t pid = child.pid;
  CHECK(pid != getpid());
  CHECK(child.pidfd.is_open());
  CHECK((fcntl(child.pidfd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  VALUE(await_child(std::move(child), kLong));
  CHECK_EQUAL(seen.pid.load(), static_cast<long>(pid));
  check_childless();
}

void has_what_it_changes_to_itself() {
  const ChildStack stack = VALUE(ChildStack::make());
  const UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  char before[256];
  CHECK(getcwd(before, sizeof before) != nullptr);
  const uid_t uid = getuid();
  umask(0123);
  Seen seen;
  seen.number.store(file.get());
  VALUE(await_child(VALUE(start_child(stack, close_number, &seen)), kLong));
  char after[256];
  CHECK(getcwd(after, sizeof after) != nullptr);
  CHECK(fcntl(file.get(), F_GETFD) != -1);
  CHECK_EQUAL(std::string(after), std::string(before));
  CHECK_EQUAL(getuid(), uid);
  CHECK_EQUAL(umask(022), static_cast<mode_t>(0123));
}

void blocks_every_signal() {
  const ChildStack stack = VALUE(ChildStack::make());
  Seen seen;
  VALUE(await_child(VALUE(start_child(stack, note_mask, &seen)), kLong));
  // SIGKILL and SIGSTOP can't be blocked; glibc keeps two signals to itself
  constexpr unsigned long kNever = 1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1) | 3UL << 31;
  CHECK_EQUAL(seen.mask.load() | kNever, ~0UL);
  sigset_t ours;
  pthread_sigmask(SIG_SETMASK, nullptr, &ours);
  CHECK_EQUAL(sigismember(&ours, SIGTERM), 0);
}

void does_not_mind_the_exit_code() {
  const ChildStack stack = VALUE(ChildStack::make());
  VALUE(await_child(VALUE(start_child(stack, end_with_seven, nullptr)), kLong));
  check_childless();
}

void is_killed_at_its_deadline() {
  const ChildStack stack = VALUE(ChildStack::make());
  Seen seen;
  timespec start = {};
  clock_gettime(CLOCK_MONOTONIC, &start);
  const auto ended =
      await_child(VALUE(start_child(stack, sleep_long, &seen)), {.max = 100 * kMillisecond});
  CHECK_EQUAL(ERROR(ended), Errno{ETIMEDOUT});
  CHECK_EQUAL(seen.number.load(), 1L);
  CHECK(elapsed_ms(start) >= 100);
  CHECK(elapsed_ms(start) < 5000);
  check_childless();
}

struct Computing {
  // How long it is to compute, and has computed, in milliseconds.
  long wanted;
  std::atomic<long> done = 0;
  std::atomic<bool> gives_way = false;
};

SECCOMPAGENT_CHILD_CODE int compute(void* argument) {
  Computing& computing = *static_cast<Computing*>(argument);
  if (computing.gives_way.load()) {
    const int none = 0;
    raw_syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, raw_pointer(&none));
  }
  for (long done = 0; done < computing.wanted;) {
    timespec time = {};
    raw_syscall(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, raw_pointer(&time));
    done = time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
    computing.done.store(done);
  }
  return 0;
}

void is_killed_when_it_has_computed_for_too_long() {
  const ChildStack stack = VALUE(ChildStack::make());
  Computing computing = {.wanted = 3'600'000};
  const auto ended =
      await_child(VALUE(start_child(stack, compute, &computing)), {.max = 200 * kMillisecond});
  CHECK_EQUAL(ERROR(ended), Errno{ETIMEDOUT});
  CHECK(computing.done.load() >= 100);
  CHECK(computing.done.load() < 5000);
  check_childless();
}

// Whoever has the same processor leaves next to nothing to it.
void is_not_killed_while_it_waits_for_a_processor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  CHECK_EQUAL(sched_setaffinity(0, sizeof one, &one), 0);
  const ChildStack stack = VALUE(ChildStack::make());
  Computing computing = {.wanted = 20};
  computing.gives_way.store(true);
  std::atomic<bool> is_over = false;
  std::thread busy([&is_over] {
    const Nanoseconds end = now() + 2 * kSecond;
    while (now() < end && !is_over.load()) {
    }
  });
  ChildProcess child = VALUE(start_child(stack, compute, &computing));
  const auto ended = await_child(child, {.max = 100 * kMillisecond});
  is_over.store(true);
  busy.join();
  VALUE(ended);
  CHECK(computing.done.load() >= 20);
  check_childless();
}

// Whoever looks may have waited for a processor, too.
void counts_no_more_than_was_seen() {
  TimeTaken taken;
  pause_for(3 * TimeTaken::kMaxSeen);
  taken.note(false);
  CHECK_EQUAL(taken.counted(), TimeTaken::kMaxSeen);
  CHECK(taken.left({.max = 2 * TimeTaken::kMaxSeen}) > 0);
  taken.note(true);
  CHECK_EQUAL(taken.counted(), TimeTaken::kMaxSeen);
}

void counts_as_ended_when_it_was_killed() {
  const ChildStack stack = VALUE(ChildStack::make());
  Seen seen;
  ChildProcess child = VALUE(start_child(stack, sleep_long, &seen));
  CHECK_EQUAL(kill(child.pid, SIGKILL), 0);
  VALUE(await_child(std::move(child), kLong));
  check_childless();
}

SECCOMPAGENT_CHILD_CODE int close_theirs(void* argument) {
  raw_syscall(SYS_close, static_cast<Seen*>(argument)->number.load());
  return 0;
}

void shares_descriptors() {
  const ChildStack stack = VALUE(ChildStack::make());
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  Seen seen;
  seen.number.store(fd);
  VALUE(await_child(VALUE(start_sharing_child(stack, close_theirs, &seen)), kLong));
  CHECK_EQUAL(fcntl(fd, F_GETFD), -1);
}

std::size_t mapping_count() {
  const UniqueFd file(open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  std::size_t lines = 0;
  std::array<char, 4096> text = {};
  for (ssize_t length = 1; length > 0;) {
    length = read(file.get(), text.data(), text.size());
    for (ssize_t at = 0; at < length; ++at) {
      if (text[static_cast<std::size_t>(at)] == '\n') ++lines;
    }
  }
  return lines;
}

void leaks_nothing() {
  const std::size_t mappings = mapping_count();
  const int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(before);
  for (int round = 0; round < 200; ++round) {
    const ChildStack stack = VALUE(ChildStack::make());
    Seen seen;
    VALUE(await_child(VALUE(start_child(stack, note_pid, &seen)), kLong));
  }
  const int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(after);
  CHECK_EQUAL(after, before);
  // a stack left behind is two of them; the sanitizers make some of their own
  CHECK(mapping_count() < mappings + 100);
  check_childless();
}

// As much as it may, whatever the size of pages.
SECCOMPAGENT_CHILD_CODE int use_stack(void* argument) {
  volatile char used[60 * 1024];
  for (std::size_t at = 0; at < sizeof used; at += 1024) used[at] = 1;
  static_cast<Seen*>(argument)->number.store(used[0]);
  return 0;
}

void has_room_for_its_stack() {
  const ChildStack stack = VALUE(ChildStack::make());
  Seen seen;
  VALUE(await_child(VALUE(start_child(stack, use_stack, &seen)), kLong));
  CHECK_EQUAL(seen.number.load(), 1L);
}

void moves_its_stack() {
  ChildStack first = VALUE(ChildStack::make());
  void* top = first.top();
  const ChildStack second(std::move(first));
  CHECK(second.top() == top);
  CHECK_EQUAL(reinterpret_cast<std::uintptr_t>(top) % 16, 0UL);
}

constexpr Case kCases[] = {
    {"child: it runs in a process of its own and writes our memory", runs_in_another_process},
    {"child: descriptors, folder, umask and ids are its own", has_what_it_changes_to_itself},
    {"child: one that shares descriptors closes ours", shares_descriptors},
    {"child: every signal is blocked in it and none in us", blocks_every_signal},
    {"child: its exit code does not matter", does_not_mind_the_exit_code},
    {"A5: child: one that sleeps is killed at its deadline", is_killed_at_its_deadline},
    {"A5: child: one that computes is killed when it has done so for as long as it may",
     is_killed_when_it_has_computed_for_too_long},
    {"A19: child: one that waits for a processor is not killed at its deadline",
     is_not_killed_while_it_waits_for_a_processor},
    {"A19: TimeTaken: a late look counts for no more than one", counts_no_more_than_was_seen},
    {"child: one that was killed has ended", counts_as_ended_when_it_was_killed},
    {"child: no descriptor, no mapping and no zombie is left", leaks_nothing},
    {"ChildStack: a child can use 60 KiB of it", has_room_for_its_stack},
    {"ChildStack: a move takes the mapping along", moves_its_stack}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
