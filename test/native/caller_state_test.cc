// SPDX-License-Identifier: Apache-2.0
// Tests what is read of other threads, on processes of the test's own.
#include "caller_state.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "check.h"
#include "clock.h"
#include "sleeper.h"

namespace seccompagent::test {
namespace {

void says_when_a_thread_started() {
  CHECK(VALUE(thread_start_time(getpid())) > 0);
  CHECK_EQUAL(VALUE(thread_start_time(getpid())), VALUE(thread_start_time(getpid())));
  pause_for(30 * kMillisecond);
  Sleeper sleeper;
  const pid_t pid = sleeper.pid();
  CHECK(VALUE(thread_start_time(pid)) > VALUE(thread_start_time(getpid())));
  sleeper.end();
  CHECK_EQUAL(ERROR(thread_start_time(pid)), Errno{ENOENT});
}

// The name is a part of what is read.
void reads_past_any_name() {
  const std::uint64_t before = VALUE(thread_start_time(getpid()));
  for (const char* name : {"a b", ") R 1 2 3", "((((", "))))", "", "1 (a) S 0 0"}) {
    CHECK_EQUAL(pthread_setname_np(pthread_self(), name), 0);
    CHECK_EQUAL(VALUE(thread_start_time(getpid())), before);
  }
}

// Sends a signal that this thread has blocked to itself, and looks for it with and without that.
void check_pending(bool is_of_process) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, SIGUSR1);
  CHECK_EQUAL(pthread_sigmask(SIG_BLOCK, &one, nullptr), 0);
  const pid_t tid = gettid();
  CHECK(!CallerState(tid).has_pending_signal());
  if (is_of_process) {
    CHECK_EQUAL(kill(getpid(), SIGUSR1), 0);
  } else {
    CHECK_EQUAL(tgkill(getpid(), tid, SIGUSR1), 0);
  }
  // it waits, and interrupts nothing
  CHECK(!CallerState(tid).has_pending_signal());
  siginfo_t info;
  CHECK_EQUAL(sigwaitinfo(&one, &info), SIGUSR1);
}

void does_not_mind_blocked_signals() {
  check_pending(false);
  check_pending(true);
}

// A stopped process has the signals that it gets until it goes on.
void sees_signals_that_are_due() {
  const Sleeper sleeper;
  CHECK(!CallerState(sleeper.pid()).has_pending_signal());
  CHECK_EQUAL(kill(sleeper.pid(), SIGSTOP), 0);
  CHECK_EQUAL(waitpid(sleeper.pid(), nullptr, WUNTRACED), sleeper.pid());
  CHECK_EQUAL(kill(sleeper.pid(), SIGUSR1), 0);
  CHECK(CallerState(sleeper.pid()).has_pending_signal());
}

void sees_no_signal_of_the_dead() {
  Sleeper sleeper;
  const pid_t pid = sleeper.pid();
  sleeper.end();
  CHECK(!CallerState(pid).has_pending_signal());
}

// Signals are looked for anew each time.
void sees_signals_that_come_later() {
  const Sleeper sleeper;
  CallerState state(sleeper.pid());
  CHECK(!state.has_pending_signal());
  CHECK_EQUAL(kill(sleeper.pid(), SIGSTOP), 0);
  CHECK_EQUAL(waitpid(sleeper.pid(), nullptr, WUNTRACED), sleeper.pid());
  CHECK(!state.has_pending_signal());
  CHECK_EQUAL(kill(sleeper.pid(), SIGUSR1), 0);
  CHECK(state.has_pending_signal());
}

template <typename Condition>
void wait_until(Condition condition) {
  const Nanoseconds end = now() + 10 * kSecond;
  while (!condition()) {
    CHECK(now() < end);
    pause_for(kMillisecond);
  }
}

void tells_who_waits() {
  const Sleeper sleeper;
  CallerState asleep(sleeper.pid());
  wait_until([&] { return !asleep.is_awake(); });
  // who looks runs
  CHECK(CallerState(gettid()).is_awake());
}

void follows_who_goes_on() {
  std::atomic<pid_t> tid = 0;
  std::atomic<bool> is_done = false;
  std::atomic<bool> may_run = false;
  std::thread thread([&] {
    tid.store(gettid());
    tid.notify_one();
    may_run.wait(false);
    while (!is_done.load()) continue;
  });
  tid.wait(0);
  CallerState state(tid.load());
  wait_until([&] { return !state.is_awake(); });
  may_run.store(true);
  may_run.notify_one();
  wait_until([&] { return state.is_awake(); });
  is_done.store(true);
  thread.join();
}

void takes_the_dead_for_waiting() {
  Sleeper sleeper;
  CallerState before(sleeper.pid());
  const pid_t pid = sleeper.pid();
  sleeper.end();
  CHECK(!before.is_awake());
  CHECK(!before.has_pending_signal());
  CHECK(!CallerState(pid).is_awake());
  CHECK(!CallerState(0x7fffffff).is_awake());
}

// The number that the next descriptor of this process gets.
int next_fd() {
  const UniqueFd next(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return next.get();
}

void leaves_no_descriptor() {
  const Sleeper sleeper;
  const int before = next_fd();
  for (int round = 0; round < 100; ++round) {
    CallerState state(sleeper.pid());
    (void)state.is_awake();
    (void)thread_start_time(sleeper.pid());
  }
  CHECK_EQUAL(next_fd(), before);
}

constexpr Case kCases[] = {
    {"thread_start_time: each thread has its own", says_when_a_thread_started},
    {"thread_start_time: a name may hold anything", reads_past_any_name},
    {"CallerState: a blocked signal is none", does_not_mind_blocked_signals},
    {"CallerState: a signal that is due is seen", sees_signals_that_are_due},
    {"CallerState: a signal that comes later is seen", sees_signals_that_come_later},
    {"CallerState: a thread that has ended has no signal", sees_no_signal_of_the_dead},
    {"CallerState: who waits is told from who runs", tells_who_waits},
    {"CallerState: who goes on is awake", follows_who_goes_on},
    {"CallerState: who has ended is taken for waiting", takes_the_dead_for_waiting},
    {"CallerState: it leaves no descriptor behind", leaves_no_descriptor}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
