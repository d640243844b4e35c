// SPDX-License-Identifier: Apache-2.0
// Tests what is read of other threads, on processes of the test's own.
#include "caller/caller_state.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "caller/long_statuses.h"
#include "caller/proc_text.h"
#include "caller/target.h"
#include "check.h"
#include "executing_process.h"
#include "kernel/clock.h"
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

bool is_seen_asleep(CallerState& state) {
  VALUE(state.read_status());
  return state.has_slept_on();
}

// K8: whoever has not run cannot have been interrupted.
void knows_who_has_slept_on() {
  const Sleeper sleeper;
  CallerState state(sleeper.pid());
  CHECK(!state.has_slept_on());
  wait_until([&] { return is_seen_asleep(state); });
  CHECK(state.has_slept_on());
  CHECK_EQUAL(kill(sleeper.pid(), SIGSTOP), 0);
  CHECK_EQUAL(waitpid(sleeper.pid(), nullptr, WUNTRACED), sleeper.pid());
  CHECK(!state.has_slept_on());
  // who is stopped does not sleep
  CHECK(!is_seen_asleep(state));
  CHECK_EQUAL(kill(sleeper.pid(), SIGCONT), 0);
  wait_until([&] { return is_seen_asleep(state); });
}

// Whoever was woken by us has run once, and no signal has.
void knows_who_has_slept_on_but_for_us() {
  std::atomic<pid_t> tid = 0;
  std::atomic<int> woken = 0;
  std::atomic<int> seen_last = 0;
  std::atomic<bool> is_over = false;
  std::thread thread([&] {
    tid.store(gettid());
    tid.notify_one();
    for (int seen = 0; !is_over.load(); seen = woken.load()) {
      seen_last.store(seen);
      woken.wait(seen);
    }
  });
  tid.wait(0);
  CallerState state(tid.load());
  const auto wake = [&] {
    ++woken;
    woken.notify_one();
    // however long it waits for a processor
    wait_until([&] { return seen_last.load() == woken.load() || is_over.load(); });
  };
  // on a busy machine it may be interrupted, and runs twice
  wait_until([&] {
    wait_until([&] { return !state.is_awake() && is_seen_asleep(state); });
    wake();
    CHECK(!state.has_slept_on());
    state.note_turn();
    return state.has_slept_on();
  });
  wake();
  CHECK(!state.has_slept_on());
  is_over.store(true);
  wake();
  thread.join();
}

void looks_anew_after_what_was_kept_is_closed() {
  const Sleeper sleeper;
  CallerState& state = CallerState::of(sleeper.pid());
  wait_until([&] { return is_seen_asleep(state); });
  CallerState::close_kept();
  CHECK(!state.has_slept_on());
  CHECK(is_seen_asleep(state));
  // another caller's sleep is not this one's
  const Sleeper other;
  CHECK(!CallerState::of(other.pid()).has_slept_on());
}

// A program may call itself like a line of its status.
void is_not_misled_by_a_name() {
  CHECK_EQUAL(pthread_setname_np(pthread_self(), "State:\tS (s"), 0);
  CallerState us(gettid());
  CHECK(!is_seen_asleep(us));
  CHECK_EQUAL(pthread_setname_np(pthread_self(), "SigPnd:ffff"), 0);
  CHECK(!us.has_pending_signal());
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

// What the kernel says of the process itself; the number in the text is ours, so another one's.
ino_t inode_of(CallerState& state, const char* what) {
  const UniqueFd file = VALUE(state.open(what, O_PATH));
  struct stat status = {};
  CHECK_EQUAL(fstat(file.get(), &status), 0);
  return status.st_ino;
}

bool is_named(CallerState& state, pid_t parent) {
  const std::string line = "\nPPid:\t" + std::to_string(parent) + "\n";
  return std::string_view(VALUE(state.read_status())).find(line) != std::string_view::npos;
}

// K2: a number that another thread has got since means that one.
void follows_a_reused_number() {
  Sleeper first;
  const pid_t pid = first.pid();
  CallerState& state = CallerState::of(pid);
  const ino_t before = inode_of(state, ".");
  CHECK(is_named(state, getpid()));
  wait_until([&] { return !state.is_awake(); });
  CHECK(VALUE(state.read_link("ns/user")).starts_with("user:["));
  first.end();
  CHECK_EQUAL(ERROR(state.read_status()), Errno{ENOENT});
  CHECK_EQUAL(ERROR(state.read_link("ns/user")), Errno{ENOENT});
  const Sleeper second(pid);
  CHECK(&CallerState::of(pid) == &state);
  // each of these finds what was kept of the first one
  CHECK(is_named(state, getpid()));
  CHECK(VALUE(state.read_link("ns/user")).starts_with("user:["));
  CHECK(inode_of(state, ".") != before);
}

void follows_a_reused_number_first(bool (*looks)(CallerState&)) {
  Sleeper first;
  const pid_t pid = first.pid();
  CallerState& state = CallerState::of(pid);
  CHECK(looks(state));
  first.end();
  const Sleeper second(pid);
  CHECK(looks(state));
}

void follows_a_reused_number_by_each_way() {
  follows_a_reused_number_first([](CallerState& state) { return state.read_status().has_value(); });
  follows_a_reused_number_first(
      [](CallerState& state) { return state.read_link("ns/user").has_value(); });
  follows_a_reused_number_first(
      [](CallerState& state) { return state.open("root", O_PATH).has_value(); });
  follows_a_reused_number_first([](CallerState& state) {
    wait_until([&] { return !state.is_awake(); });
    return true;
  });
}

void keeps_one_caller_at_a_time() {
  const Sleeper one;
  const Sleeper other;
  const int before = next_fd();
  for (int round = 0; round < 10; ++round) {
    for (const pid_t pid : {one.pid(), other.pid()}) {
      CallerState& state = CallerState::of(pid);
      (void)state.is_awake();
      CHECK(is_named(state, getpid()));
      CHECK(std::string_view(VALUE(state.read_status()))
                .find("\nPid:\t" + std::to_string(pid) + "\n") != std::string_view::npos);
    }
  }
  // the entry and three of its files
  constexpr int kMaxKept = 4;
  CHECK(next_fd() <= before + kMaxKept);
}

void closes_what_is_kept() {
  const Sleeper sleeper;
  const int before = next_fd();
  CallerState& state = CallerState::of(sleeper.pid());
  (void)state.is_awake();
  CHECK(is_named(state, getpid()));
  CHECK(next_fd() != before);
  std::thread(CallerState::close_kept).join();
  CHECK_EQUAL(next_fd(), before);
  CHECK(is_named(state, getpid()));
  CallerState::close_kept();
}

// While one thread closes all the time, another one's looks fail no more than they would alone.
void closes_nothing_that_is_used() {
  const Sleeper sleeper;
  std::atomic<bool> is_done = false;
  std::thread closing([&] {
    while (!is_done.load()) CallerState::close_kept();
  });
  CallerState& state = CallerState::of(sleeper.pid());
  wait_until([&] { return !state.is_awake(); });
  for (int round = 0; round < 20'000; ++round) {
    CHECK(!state.is_awake());
    CHECK(is_named(state, getpid()));
  }
  is_done.store(true);
  closing.join();
  CallerState::close_kept();
}

// Looks at a thread with so many groups of ten digits.
template <typename Look>
void look_at_groups(std::size_t count, Look look) {
  std::vector<gid_t> groups(count);
  std::iota(groups.begin(), groups.end(), gid_t{2'000'000'000});
  std::atomic<pid_t> tid = 0;
  std::atomic<bool> is_done = false;
  std::thread thread([&] {
    const long set = syscall(SYS_setgroups, groups.size(), groups.data());
    tid.store(set == 0 ? gettid() : -1);
    tid.notify_one();
    is_done.wait(false);
  });
  tid.wait(0);
  if (tid.load() > 0) {
    CallerState state(tid.load());
    look(state);
  }
  is_done.store(true);
  is_done.notify_one();
  thread.join();
  CHECK(tid.load() > 0);
}

// Longer than what is read at once at first, and longer than what is read at all.
void reads_a_status_with_many_groups() {
  look_at_groups(kMaxGroups, [](CallerState& state) {
    const std::string_view status = VALUE(state.read_status());
    CHECK(status.find(" 2000001023 ") != std::string_view::npos);
    CHECK(status.find("\nCapEff:") != std::string_view::npos);
  });
  look_at_groups(60'000, [](CallerState& state) {
    CHECK_EQUAL(ERROR(state.read_status()), Errno{ETOOMANYREFS});
  });
}

// The kernel makes all of the text for each read.
void reads_a_status_that_is_too_long_once() {
  (void)LongStatuses::take_time();
  look_at_groups(60'000, [](CallerState& state) {
    CHECK_EQUAL(ERROR(state.read_status()), Errno{ETOOMANYREFS});
    const Nanoseconds took = LongStatuses::take_time();
    CHECK(took > 0);
    CHECK(took <= LongStatuses::kMaxTook);
    // neither is it read again by other ways
    CHECK(!state.has_pending_signal());
    CHECK_EQUAL(ERROR(state.status_during(7)), Errno{ETOOMANYREFS});
    CHECK_EQUAL(ERROR(state.read_program(7)), Errno{ETOOMANYREFS});
    CHECK_EQUAL(LongStatuses::take_time(), Nanoseconds{0});
    // but after a while
    pause_for(took * LongStatuses::kTimesAsLong);
    CHECK_EQUAL(ERROR(state.read_status()), Errno{ETOOMANYREFS});
    CHECK(LongStatuses::take_time() > 0);
  });
  // others are read
  look_at_groups(kMaxGroups, [](CallerState& state) { CHECK(state.read_status().has_value()); });
  CHECK_EQUAL(LongStatuses::take_time(), Nanoseconds{0});
}

// Its number may be that of a thread that is executed by now.
void knows_it_of_who_executes() {
  const ExecutingProcess process;
  LongStatuses statuses;
  process.execute();
  std::atomic<bool> is_known = false;
  CHECK(!process.keeps_waiting([&] {
    statuses.note(process.pid(), LongStatuses::kMaxTook);
    is_known = statuses.has(process.pid());
  }));
  CHECK(is_known.load());
}

// Such as a new process for each call.
void knows_of_crowds() {
  constexpr std::uint32_t kOne = 7;
  constexpr std::uint32_t kOther = 8;
  LongStatuses statuses;
  LongStatuses::speak_of(kOne);
  for (std::size_t count = 1; count <= LongStatuses::kCrowd; ++count) {
    CHECK(!statuses.has(getpid()));
    // nobody has this number
    statuses.note(1 << 30, LongStatuses::kMaxTook);
  }
  CHECK(statuses.has(getpid()));
  LongStatuses::speak_of(kOther);
  CHECK(!statuses.has(getpid()));
  LongStatuses::speak_of(0);
  CHECK(!statuses.has(getpid()));
}

void knows_whose_status_is_long() {
  LongStatuses statuses;
  statuses.note(getpid(), LongStatuses::kMaxTook);
  CHECK(statuses.has(getpid()));
  // nobody has this number
  statuses.note(1 << 30, kMillisecond);
  CHECK(!statuses.has(1 << 30));
  std::vector<pid_t> children;
  for (std::size_t count = 0; count < 8; ++count) {
    const pid_t pid = fork();
    CHECK(pid != -1);
    if (pid == 0) {
      for (;;) pause();
    }
    children.push_back(pid);
    statuses.note(pid, LongStatuses::kMaxTook);
  }
  for (const pid_t pid : children) CHECK(statuses.has(pid));
  for (const pid_t pid : children) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    CHECK(!statuses.has(pid));
  }
}

// A process that executes itself as a program that waits, or that only changes its rights.
void tells_programs_apart() {
  int ends[2];
  CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
  int go[2];
  CHECK_EQUAL(pipe(go), 0);
  const pid_t pid = fork();
  CHECK(pid != -1);
  if (pid == 0) {
    char byte;
    (void)!read(go[0], &byte, 1);
    if (setresgid(1000, 1000, 1000) != 0 || setresuid(1000, 1000, 0) != 0) _exit(1);
    (void)!write(ends[1], "r", 1);
    (void)!read(go[0], &byte, 1);
    execl("/bin/sleep", "sleep", "60", nullptr);
    _exit(1);
  }
  close(ends[1]);
  CallerState& caller = CallerState::of(pid);
  const auto program = [&] { return VALUE(caller.known_program(0)); };
  const std::string first = program();
  CHECK_EQUAL(program(), first);
  CHECK_EQUAL(VALUE(caller.read_program(1)), first);
  CHECK_EQUAL(write(go[1], "x", 1), 1L);
  char byte;
  CHECK_EQUAL(read(ends[0], &byte, 1), 1L);
  // of the call that it was read for, it is still what it was
  CHECK_EQUAL(VALUE(caller.known_program(1)), first);
  const std::string with_other_rights = program();
  CHECK(with_other_rights != first);
  CHECK_EQUAL(VALUE(caller.read_program(2)), with_other_rights);
  CHECK_EQUAL(write(go[1], "x", 1), 1L);
  // closed by execve
  CHECK_EQUAL(read(ends[0], &byte, 1), 0L);
  // and from then on there is another one, as soon as its memory is laid out
  const Nanoseconds end = now() + 30 * kSecond;
  while (caller.known_program(0).value_or(with_other_rights) == with_other_rights)
    CHECK(now() < end);
  CHECK_EQUAL(program(), VALUE(caller.read_program(0)));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  CHECK(!caller.known_program(0));
  CHECK(!caller.read_program(0));
}

// Attributes of a process before execve live on while another one has its memory.
void knows_no_memory_that_lives_on_elsewhere() {
  int go[2];
  CHECK_EQUAL(pipe(go), 0);
  const pid_t pid = fork();
  CHECK(pid != -1);
  if (pid == 0) {
    static std::array<char, 16UL * 1024> stack;
    char byte;
    if (setpgid(0, 0) == -1) _exit(1);
    if (clone([](void*) { return pause(); }, stack.end(), CLONE_VM, nullptr) == -1) _exit(1);
    (void)!read(go[0], &byte, 1);
    execl("/bin/sleep", "sleep", "60", nullptr);
    _exit(1);
  }
  CallerState& caller = CallerState::of(pid);
  const std::string before = VALUE(caller.known_program(0));
  CHECK_EQUAL(write(go[1], "x", 1), 1L);
  const Nanoseconds end = now() + 30 * kSecond;
  while (caller.read_program(0).value_or(before) == before) CHECK(now() < end);
  CHECK_EQUAL(VALUE(caller.known_program(0)), VALUE(caller.read_program(0)));
  CHECK_EQUAL(kill(-pid, SIGKILL), 0);
  waitpid(pid, nullptr, 0);
}

// The same program by the same user is another one all the same.
void tells_executions_apart() {
  const auto executed = [] {
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    const pid_t pid = fork();
    CHECK(pid != -1);
    if (pid == 0) {
      execl("/bin/sleep", "sleep", "60", nullptr);
      _exit(1);
    }
    close(ends[1]);
    char byte;
    CHECK_EQUAL(read(ends[0], &byte, 1), 0L);
    close(ends[0]);
    pause_for(100 * kMillisecond);
    std::string program = VALUE(CallerState(pid).read_program(0));
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    // but for the start time
    return program.substr(program.find(' '));
  };
  CHECK(executed() != executed());
}

void limit_descriptors(rlim_t max) {
  rlimit limit = {};
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = max;
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

// The lowest number that is free.
int next_descriptor() {
  const int next = dup(0);
  if (next != -1) close(next);
  return next;
}

// As the kernel has it, in each of its steps.
void sees_when_all_descriptors_are_taken() {
  CHECK(dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0) == 0);
  const int spare = dup(0);
  constexpr rlim_t kMany = 1024;
  CallerState caller(getpid());
  // what is kept of us takes descriptors, too
  CHECK(!caller.has_all_descriptors());
  const auto first = static_cast<rlim_t>(next_descriptor());
  limit_descriptors(first + 2);
  CHECK(!caller.has_all_descriptors());
  CHECK(dup2(0, static_cast<int>(first + 1)) != -1);
  CHECK(!caller.has_all_descriptors());
  CHECK(dup(0) != -1);
  CHECK(caller.has_all_descriptors());
  close(static_cast<int>(first));
  CHECK(!caller.has_all_descriptors());
  // those beyond a limit that was higher once
  CHECK(dup(0) != -1);
  limit_descriptors(first + 1);
  CHECK(caller.has_all_descriptors());
  close(spare);
  CHECK(!caller.has_all_descriptors());
  limit_descriptors(0);
  CHECK(caller.has_all_descriptors());
  // for the sanitizers
  limit_descriptors(kMany);
}

constexpr Case kCases[] = {
    {"CallerState: that all numbers of descriptors are taken is seen",
     sees_when_all_descriptors_are_taken},
    {"CallerState: execve and other rights make another program", tells_programs_apart},
    {"CallerState: a program that is executed twice is two", tells_executions_apart},
    {"CallerState: what is read anew is of no memory from before",
     knows_no_memory_that_lives_on_elsewhere},
    {"thread_start_time: each thread has its own", says_when_a_thread_started},
    {"thread_start_time: a name may hold anything", reads_past_any_name},
    {"CallerState: a blocked signal is none", does_not_mind_blocked_signals},
    {"CallerState: a signal that is due is seen", sees_signals_that_are_due},
    {"CallerState: a signal that comes later is seen", sees_signals_that_come_later},
    {"CallerState: a thread that has ended has no signal", sees_no_signal_of_the_dead},
    {"CallerState: who waits is told from who runs", tells_who_waits},
    {"CallerState: who goes on is awake", follows_who_goes_on},
    {"K8: CallerState: who sleeps on is told from who has run", knows_who_has_slept_on},
    {"K8: CallerState: so is who has run once for us", knows_who_has_slept_on_but_for_us},
    {"CallerState: a sleep is looked at anew once files were closed",
     looks_anew_after_what_was_kept_is_closed},
    {"CallerState: a name that looks like a line of the status is none", is_not_misled_by_a_name},
    {"CallerState: who has ended is taken for waiting", takes_the_dead_for_waiting},
    {"K2: CallerState: a number that is used again means the new thread", follows_a_reused_number},
    {"K2: CallerState: whatever is asked first of a new thread",
     follows_a_reused_number_by_each_way},
    {"CallerState: one caller is kept at a time", keeps_one_caller_at_a_time},
    {"CallerState: what is kept can be closed by another thread", closes_what_is_kept},
    {"CallerState: what is used is not closed", closes_nothing_that_is_used},
    {"CallerState: a status is read with up to 1,024 groups", reads_a_status_with_many_groups},
    {"G4: CallerState: a status that is too long is read once in a while",
     reads_a_status_that_is_too_long_once},
    {"G4: LongStatuses: a container with many is not read for a while", knows_of_crowds},
    {"G4: LongStatuses: they are of threads that are there", knows_whose_status_is_long},
    {"A5: LongStatuses: nobody waits for a program that is being executed",
     knows_it_of_who_executes},
    {"CallerState: it leaves no descriptor behind", leaves_no_descriptor}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
