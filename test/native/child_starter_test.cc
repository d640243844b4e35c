// SPDX-License-Identifier: Apache-2.0
#include "process/child_starter.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "check.h"
#include "clinging_file.h"
#include "kernel/raw_syscall.h"

namespace seccompagent::test {
namespace {

constexpr Patience kLong = {.max = 20 * kSecond};
constexpr int kMaxNumbers = 2048;

struct Seen {
  std::atomic<int> count = 0;
  std::array<std::atomic<int>, 16> numbers = {};
  std::atomic<long> parent = 0;
};

SECCOMPAGENT_CHILD_CODE int note_descriptors(void* argument) {
  Seen& seen = *static_cast<Seen*>(argument);
  seen.parent.store(raw_syscall(SYS_getppid));
  int count = 0;
  for (int fd = 0; fd < kMaxNumbers; ++fd) {
    if (raw_syscall(SYS_fcntl, fd, F_GETFD) < 0) continue;
    if (count < 16) seen.numbers[static_cast<unsigned>(count)].store(fd);
    ++count;
  }
  seen.count.store(count);
  return 0;
}

SECCOMPAGENT_CHILD_CODE int end_at_once(void* /*argument*/) { return 0; }

SECCOMPAGENT_CHILD_CODE int write_to_given(void* /*argument*/) {
  raw_syscall(SYS_write, ChildStarter::kFirstGiven + 1, raw_pointer("b"), 1);
  return 0;
}

void check_childless() {
  CHECK_EQUAL(waitpid(-1, nullptr, __WALL | WNOHANG), -1);
  CHECK_EQUAL(errno, ECHILD);
}

ChildStarter& started() {
  VALUE(ChildStarter::of_process().start());
  return ChildStarter::of_process();
}

void gives_what_it_is_given() {
  ChildStarter& starter = started();
  // opened after the thread was started, and before, are alike
  const UniqueFd other(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd inherited(open("/dev/null", O_RDONLY));
  int ends[2];
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reading(ends[0]);
  const UniqueFd writing(ends[1]);
  const ChildStack stack = VALUE(ChildStack::make());
  Seen seen;
  const std::array given = {other.get(), writing.get()};
  VALUE(await_child(VALUE(starter.start_child(stack, note_descriptors, &seen, given)), kLong));
  CHECK_EQUAL(seen.parent.load(), static_cast<long>(getpid()));
  // the standard streams, the thread's own, and the two
  CHECK_EQUAL(seen.count.load(), 6);
  CHECK_EQUAL(seen.numbers[4].load(), ChildStarter::kFirstGiven);
  CHECK_EQUAL(seen.numbers[5].load(), ChildStarter::kFirstGiven + 1);
  VALUE(await_child(VALUE(starter.start_child(stack, write_to_given, nullptr, given)), kLong));
  char byte = 0;
  CHECK_EQUAL(read(reading.get(), &byte, 1), 1L);
  CHECK_EQUAL(byte, 'b');
  // ours are as they were
  CHECK(fcntl(other.get(), F_GETFD) != -1);
  CHECK(fcntl(writing.get(), F_GETFD) != -1);
  check_childless();
}

void keeps_nothing_that_it_was_given() {
  ChildStarter& starter = started();
  int ends[2];
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const ChildStack stack = VALUE(ChildStack::make());
  const std::array given = {writing.get()};
  VALUE(await_child(VALUE(starter.start_child(stack, end_at_once, nullptr, given)), kLong));
  writing.reset();
  char byte = 0;
  // where a copy were left, this would wait for ever
  CHECK_EQUAL(read(reading.get(), &byte, 1), 0L);
}

void closes_no_file_of_a_container() {
  ChildStarter& starter = started();
  const ClingingFile& file = ClingingFile::of_process();
  const ChildStack stack = VALUE(ChildStack::make());
  Seen seen;
  for (int round = 0; round < 50; ++round)
    VALUE(await_child(VALUE(starter.start_child(stack, note_descriptors, &seen, {})), kLong));
  CHECK_EQUAL(seen.count.load(), 4);
  CHECK(!file.is_being_closed(0));
  // what copies our descriptors does, which shows that the file clings
  static const ChildStack copying_stack = VALUE(ChildStack::make());
  const ChildProcess copying = VALUE(start_child(copying_stack, end_at_once, nullptr));
  CHECK(file.is_being_closed(20'000));
  CHECK_EQUAL(ERROR(await_child(copying, {.max = 100 * kMillisecond})), Errno{EBUSY});
}

void needs_a_thread() {
  const ChildStack stack = VALUE(ChildStack::make());
  CHECK_EQUAL(ERROR(ChildStarter::of_process().start_child(stack, end_at_once, nullptr, {})),
              Errno{ECHILD});
}

void fails_where_no_thread_is_to_be_had() {
  // root may have as many as it likes
  CHECK_EQUAL(setresuid(64'000, 64'000, 64'000), 0);
  rlimit before = {};
  CHECK_EQUAL(getrlimit(RLIMIT_NPROC, &before), 0);
  const rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  CHECK_EQUAL(setrlimit(RLIMIT_NPROC, &none), 0);
  CHECK_EQUAL(ERROR(ChildStarter::of_process().start()), Errno{EAGAIN});
  // the sanitizers start a thread at the end
  CHECK_EQUAL(setrlimit(RLIMIT_NPROC, &before), 0);
  const ChildStack stack = VALUE(ChildStack::make());
  CHECK_EQUAL(ERROR(ChildStarter::of_process().start_child(stack, end_at_once, nullptr, {})),
              Errno{ECHILD});
}

void starts_none_that_nobody_could_watch() {
  ChildStarter& starter = started();
  const ChildStack stack = VALUE(ChildStack::make());
  rlimit before = {};
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  close(next);
  const rlimit few = {.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before.rlim_max};
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
  Seen seen;
  CHECK_EQUAL(ERROR(starter.start_child(stack, note_descriptors, &seen, {})), Errno{EMFILE});
  CHECK_EQUAL(seen.count.load(), 0);
  check_childless();
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
  VALUE(await_child(VALUE(starter.start_child(stack, note_descriptors, &seen, {})), kLong));
  CHECK_EQUAL(seen.count.load(), 4);
}

void refuses_what_is_no_descriptor() {
  ChildStarter& starter = started();
  const ChildStack stack = VALUE(ChildStack::make());
  Seen seen;
  const std::array given = {-1};
  CHECK_EQUAL(ERROR(starter.start_child(stack, note_descriptors, &seen, given)), Errno{EBADF});
  CHECK_EQUAL(seen.count.load(), 0);
  VALUE(await_child(VALUE(starter.start_child(stack, note_descriptors, &seen, {})), kLong));
}

void serves_many_threads() {
  ChildStarter& starter = started();
  constexpr int kRounds = 100;
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int each = 0; each < 8; ++each) {
    threads.emplace_back([&starter] {
      const ChildStack stack = VALUE(ChildStack::make());
      const UniqueFd own(open("/dev/null", O_RDONLY | O_CLOEXEC));
      for (int round = 0; round < kRounds; ++round) {
        Seen seen;
        const std::array given = {own.get()};
        VALUE(
            await_child(VALUE(starter.start_child(stack, note_descriptors, &seen, given)), kLong));
        CHECK_EQUAL(seen.count.load(), 5);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  check_childless();
}

pthread_t handled_by;
std::atomic<int> handled = 0;

// The test's other thread takes all signals of the process that somebody takes at all.
void takes_no_signals() {
  ChildStarter& starter = started();
  struct sigaction action = {};
  action.sa_handler = [](int) {
    handled_by = pthread_self();
    ++handled;
  };
  CHECK_EQUAL(sigaction(SIGUSR1, &action, nullptr), 0);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  CHECK_EQUAL(pthread_sigmask(SIG_BLOCK, &blocked, nullptr), 0);
  CHECK_EQUAL(kill(getpid(), SIGUSR1), 0);
  const ChildStack stack = VALUE(ChildStack::make());
  Seen seen;
  VALUE(await_child(VALUE(starter.start_child(stack, note_descriptors, &seen, {})), kLong));
  CHECK_EQUAL(handled.load(), 0);
  CHECK_EQUAL(pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr), 0);
  CHECK_EQUAL(handled.load(), 1);
  CHECK(pthread_equal(handled_by, pthread_self()) != 0);
}

constexpr Case kCases[] = {
    {"child starter: a child has what it is given, the standard streams, and no others",
     gives_what_it_is_given},
    {"child starter: it keeps nothing that a child was given", keeps_nothing_that_it_was_given},
    {"A5: child starter: no copy of a container's file is closed", closes_no_file_of_a_container},
    {"child starter: without its thread there is no child", needs_a_thread},
    {"child starter: where no thread is to be had, that is an error",
     fails_where_no_thread_is_to_be_had},
    {"child starter: where no descriptor is left to watch a child, none is started",
     starts_none_that_nobody_could_watch},
    {"child starter: what is no descriptor is refused", refuses_what_is_no_descriptor},
    {"child starter: it serves many threads at once", serves_many_threads},
    {"child starter: its thread takes no signals", takes_no_signals}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
