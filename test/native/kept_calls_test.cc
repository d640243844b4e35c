// SPDX-License-Identifier: Apache-2.0
// Tests which calls go on with an answer that is known already, with threads that are really there.
#include "receiver/kept_calls.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "caller/caller_state.h"
#include "caller/proc_text.h"
#include "check.h"
#include "kernel/keyed_hash.h"
#include "kernel/raw_syscall.h"
#include "sleeper.h"

namespace seccompagent::test {
namespace {

using Kind = KeptCalls::Match::Kind;

constexpr Nanoseconds kNever = std::numeric_limits<Nanoseconds>::max();
constexpr std::size_t kMaxLate = 1024;
constexpr std::size_t kMaxLost = 4096;

CallContent call_of(pid_t tid, std::uint64_t id = 1) {
  return {.notification = {.id = id,
                           .tid = tid,
                           .arch = 2,
                           .nr = 83,
                           .instruction_pointer = 0x1000,
                           .arguments = {1, 2, 3, 4, 5, 6}},
          .memory_hash = 77,
          .program = "one"};
}

Response value(std::int64_t number) { return {.value = number, .error = 0, .is_continue = false}; }

constexpr Response kRefused = {.value = 0, .error = -EPERM, .is_continue = false};

Nanoseconds soon() { return now() + kSecond; }

void answers_a_lost_call_that_comes_again() {
  KeptCalls kept;
  CHECK(kept.is_empty());
  kept.keep_lost(call_of(getpid(), 1), value(5), soon());
  CHECK(!kept.is_empty());
  const auto match = kept.find(call_of(getpid(), 2));
  CHECK_EQUAL(match.kind, Kind::answer);
  CHECK_EQUAL(match.response.value, 5L);
  // it is sent by the caller of find, which forgets it then: its sending may fail again
  CHECK_EQUAL(kept.find(call_of(getpid(), 3)).kind, Kind::answer);
  kept.forget(getpid());
  CHECK(kept.is_empty());
  CHECK_EQUAL(kept.find(call_of(getpid(), 4)).kind, Kind::none);
}

void keeps_whole_responses() {
  KeptCalls kept;
  kept.keep_lost(call_of(getpid()), kRefused, soon());
  CHECK_EQUAL(kept.find(call_of(getpid())).response.error, -EPERM);
  kept.keep_lost(call_of(getpid()), {.value = 0, .error = 0, .is_continue = true}, soon());
  const auto match = kept.find(call_of(getpid()));
  CHECK(match.response.is_continue);
  CHECK_EQUAL(match.response.error, 0);
}

// --- answers that a helper brings

void waits_for_an_answer_that_nobody_knows() {
  KeptCalls kept;
  const pid_t tid = getpid();
  const std::uint64_t number = kept.keep_awaited(call_of(tid, 1));
  CHECK(number != 0);
  CHECK_EQUAL(kept.find(call_of(tid, 2)).kind, Kind::wait);
  CHECK(kept.awaited_id(tid, number) == std::optional(2UL));
  CHECK(!kept.awaited_id(tid, number + 1));
  LostAnswer answer = {.response = value(7), .until = soon()};
  const auto is_newest = [](std::uint64_t id) {
    return id == 2 ? Arrival::arrived : Arrival::lost;
  };
  // held: nothing has changed
  CHECK(kept.complete(tid, number, answer, [](std::uint64_t) { return Arrival::held; }) ==
        Arrival::held);
  CHECK(kept.complete(tid, number, answer, is_newest) == Arrival::arrived);
  CHECK(kept.is_empty());
  CHECK(kept.complete(tid, number, answer, is_newest) == Arrival::lost);
}

void keeps_an_awaited_answer_that_is_lost() {
  KeptCalls kept;
  const pid_t tid = getpid();
  const std::uint64_t number = kept.keep_awaited(call_of(tid, 1));
  LostAnswer answer = {.response = value(7), .until = soon()};
  CHECK(kept.complete(tid, number, answer, [](std::uint64_t) { return Arrival::lost; }) ==
        Arrival::lost);
  const auto match = kept.find(call_of(tid, 2));
  CHECK_EQUAL(match.kind, Kind::answer);
  CHECK_EQUAL(match.response.value, 7L);
  CHECK_EQUAL(kept.late_count(), 0UL);
}

void loses_an_awaited_answer_at_its_newest_notification_alone() {
  KeptCalls kept;
  const pid_t tid = getpid();
  const std::uint64_t number = kept.keep_awaited(call_of(tid, 1));
  CHECK_EQUAL(kept.find(call_of(tid, 2)).kind, Kind::wait);
  LostAnswer answer = {.response = value(7), .until = soon()};
  CHECK(!kept.lose_awaited(tid, number, 1, answer));
  CHECK_EQUAL(kept.find(call_of(tid, 3)).kind, Kind::wait);
  CHECK(kept.lose_awaited(tid, number, 3, answer));
  CHECK_EQUAL(kept.find(call_of(tid, 4)).response.value, 7L);
}

void forgets_an_awaited_call_that_is_gone() {
  KeptCalls kept;
  const pid_t tid = getpid();
  const std::uint64_t number = kept.keep_awaited(call_of(tid, 1));
  CHECK_EQUAL(kept.find(call_of(tid, 2)).kind, Kind::wait);
  // one that came again in the meantime is there
  CHECK(!kept.forget_unless(tid, number, [](std::uint64_t id) { return id == 2; }));
  CHECK(kept.awaited_id(tid, number).has_value());
  CHECK(kept.forget_unless(tid, number, [](std::uint64_t) { return false; }));
  CHECK(kept.forget_unless(tid, number, [](std::uint64_t) { return true; }));
  CHECK_EQUAL(kept.find(call_of(tid, 3)).kind, Kind::none);
}

void forgets_an_awaited_call_for_another() {
  KeptCalls kept;
  const pid_t tid = getpid();
  const std::uint64_t number = kept.keep_awaited(call_of(tid, 1));
  CallContent other = call_of(tid, 2);
  other.notification.nr = 84;
  CHECK_EQUAL(kept.find(other).kind, Kind::none);
  CHECK(!kept.awaited_id(tid, number));
  // whoever was late for an older call leaves a newer one alone
  const std::uint64_t next = kept.keep_awaited(call_of(tid, 3));
  kept.forget(tid, 2);
  CHECK(kept.awaited_id(tid, next).has_value());
  kept.forget(tid, 3);
  CHECK(kept.is_empty());
}

void does_not_answer_after_its_time() {
  KeptCalls kept;
  kept.keep_lost(call_of(getpid()), value(5), now());
  CHECK_EQUAL(kept.find(call_of(getpid())).kind, Kind::none);
  CHECK(kept.is_empty());
  kept.keep_lost(call_of(getpid()), value(5), now() + 20 * kMillisecond);
  CHECK_EQUAL(kept.find(call_of(getpid())).kind, Kind::answer);
  pause_for(25 * kMillisecond);
  CHECK_EQUAL(kept.find(call_of(getpid())).kind, Kind::none);
}

// A descriptor, and a way to see whether it is closed.
struct Pipe {
  UniqueFd read;
  std::shared_ptr<GivenFd> given;

  Pipe() {
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    read = UniqueFd(ends[0]);
    given = std::make_shared<GivenFd>(
        GivenFd{.fd = CallersFd(UniqueFd(ends[1]), 0), .is_close_on_exec = true});
  }
  [[nodiscard]] bool is_closed() const {
    char byte;
    return ::read(read.get(), &byte, 1) == 0;
  }
  // A child closes it.
  void await_end() const {
    const Nanoseconds start = now();
    while (!is_closed()) {
      CHECK(now() - start < 20 * kSecond);
      pause_for(kMillisecond);
    }
  }
};

void keeps_descriptors_until_their_time_is_over() {
  KeptCalls kept;
  Pipe pipe;
  const Nanoseconds until = soon();
  CHECK(kept.keep_lost(call_of(getpid()), value(0), until, std::move(pipe.given)));
  CHECK_EQUAL(kept.find(call_of(getpid(), 2)).given->is_close_on_exec, true);
  const auto never = [](std::uint64_t, const Response&) { return Arrival::lost; };
  kept.answer_due(getpid(), until - 1, kNever, never);
  CHECK(!pipe.is_closed());
  kept.answer_due(getpid(), until, kNever, never);
  pipe.await_end();
  CHECK(kept.is_empty());
}

void closes_descriptors_of_calls_that_do_not_come_again() {
  KeptCalls kept;
  Pipe pipe;
  CHECK(kept.keep_lost(call_of(getpid()), value(0), soon(), std::move(pipe.given)));
  CallContent other = call_of(getpid());
  other.notification.nr = 84;
  CHECK_EQUAL(kept.find(other).kind, Kind::none);
  pipe.await_end();
  // those that are gone make room
  for (int i = 0; i < 200; ++i) {
    Pipe next;
    CHECK(kept.keep_lost(call_of(getpid()), value(0), soon(), std::move(next.given)));
    kept.forget(getpid());
    next.await_end();
  }
}

using Change = std::function<void(CallContent&)>;

const std::vector<Change>& changes() {
  static const std::vector<Change> all = [] {
    std::vector<Change> made = {
        [](CallContent& call) { call.notification.nr = 84; },
        [](CallContent& call) { call.notification.nr = -1; },
        [](CallContent& call) { call.notification.arch = 3; },
        [](CallContent& call) { call.notification.instruction_pointer += 2; },
        [](CallContent& call) { call.program = "another"; },
        [](CallContent& call) { call.program.clear(); },
        [](CallContent& call) { call.memory_hash += 1; },
        [](CallContent& call) { call.memory_hash += 1UL << 63; }};
    for (std::size_t index = 0; index < 6; ++index) {
      made.emplace_back([index](CallContent& call) { call.notification.arguments[index] += 1; });
      made.emplace_back(
          [index](CallContent& call) { call.notification.arguments[index] += 1UL << 40; });
    }
    return made;
  }();
  return all;
}

void answers_no_other_call() {
  for (const Change& change : changes()) {
    KeptCalls kept;
    kept.keep_lost(call_of(getpid()), value(5), soon());
    CallContent other = call_of(getpid());
    change(other);
    CHECK_EQUAL(kept.find(other).kind, Kind::none);
    // and a thread that has made another call does not come back to this one
    CHECK(kept.is_empty());
    CHECK_EQUAL(kept.find(call_of(getpid())).kind, Kind::none);
  }
}

void answers_no_other_thread() {
  const Sleeper other;
  KeptCalls kept;
  kept.keep_lost(call_of(getpid()), value(5), soon());
  CHECK_EQUAL(kept.find(call_of(other.pid())).kind, Kind::none);
  CHECK_EQUAL(kept.find(call_of(getpid())).kind, Kind::answer);
}

void answers_a_thread_that_leads_nothing() {
  KeptCalls kept;
  std::thread([&] {
    const pid_t tid = gettid();
    CHECK(tid != getpid());
    kept.keep_lost(call_of(tid), value(5), soon());
    CHECK_EQUAL(kept.find(call_of(tid)).kind, Kind::answer);
  }).join();
}

// A thread of another start time has the id of one that ended.
void answers_nobody_who_has_got_the_id() {
  KeptCalls kept;
  Sleeper first;
  const pid_t pid = first.pid();
  const auto call_now = [pid] {
    CallContent call = call_of(pid);
    call.program = VALUE(CallerState(pid).read_program(0));
    return call;
  };
  kept.keep_lost(call_now(), value(5), soon());
  CHECK_EQUAL(kept.find(call_now()).kind, Kind::answer);
  const std::uint64_t start = VALUE(thread_start_time(pid));
  first.end();
  // start times are counted in hundredths of a second
  pause_for(30 * kMillisecond);
  const Sleeper second(pid);
  CHECK_EQUAL(second.pid(), pid);
  CHECK(VALUE(thread_start_time(pid)) != start);
  CHECK_EQUAL(kept.find(call_now()).kind, Kind::none);
  CHECK(kept.is_empty());
}

// Its descriptor least of all.
void gives_a_descriptor_to_no_program_executed_since() {
  KeptCalls kept;
  Pipe pipe;
  CHECK(kept.keep_lost(call_of(getpid()), value(0), soon(), std::move(pipe.given)));
  CallContent executed = call_of(getpid());
  executed.program = "two";
  CHECK_EQUAL(kept.find(executed).kind, Kind::none);
  pipe.await_end();
  // and what nobody knows whose it was is not kept
  CallContent unknown = call_of(getpid());
  unknown.program.clear();
  CHECK(!kept.keep_lost(unknown, value(5), soon()));
  CHECK(kept.is_empty());
}

void keeps_nothing_for_the_dead() {
  KeptCalls kept;
  Sleeper sleeper;
  const pid_t pid = sleeper.pid();
  sleeper.end();
  kept.keep_lost(call_of(pid), value(5), soon());
  CHECK(kept.is_empty());
}

void keeps_the_last_answer_of_a_thread() {
  KeptCalls kept;
  kept.keep_lost(call_of(getpid()), value(5), soon());
  kept.keep_lost(call_of(getpid()), value(6), soon());
  CHECK_EQUAL(kept.find(call_of(getpid())).response.value, 6L);
  CHECK(kept.keep_late(call_of(getpid()), value(7), kNever));
  CHECK_EQUAL(kept.late_count(), 1UL);
  CHECK_EQUAL(kept.find(call_of(getpid())).kind, Kind::wait);
  kept.keep_lost(call_of(getpid()), value(8), soon());
  CHECK_EQUAL(kept.late_count(), 0UL);
  CHECK_EQUAL(kept.find(call_of(getpid())).response.value, 8L);
}

// Sends what is due for this process; the ids that it was sent for.
std::vector<std::uint64_t> sent_at(KeptCalls& kept, Nanoseconds time, bool arrives = true) {
  std::vector<std::uint64_t> ids;
  kept.answer_due(getpid(), time, soon(), [&](std::uint64_t id, const Response& response) {
    CHECK_EQUAL(response.value, 5L);
    ids.push_back(id);
    return arrives ? Arrival::arrived : Arrival::lost;
  });
  return ids;
}

void answers_late_calls_once() {
  KeptCalls kept;
  constexpr Nanoseconds kDue = 1000;
  CHECK(kept.keep_late(call_of(getpid(), 1), value(5), kDue));
  CHECK_EQUAL(kept.late_count(), 1UL);
  CHECK(sent_at(kept, kDue - 1).empty());
  const auto sent = sent_at(kept, kDue);
  CHECK_EQUAL(sent.size(), 1UL);
  CHECK_EQUAL(sent.front(), 1UL);
  CHECK(kept.is_empty());
  CHECK_EQUAL(kept.late_count(), 0UL);
  CHECK(sent_at(kept, kNever).empty());
}

void follows_a_late_call_that_comes_again() {
  KeptCalls kept;
  CHECK(kept.keep_late(call_of(getpid(), 1), value(5), 1000));
  for (std::uint64_t id = 2; id < 5; ++id)
    CHECK_EQUAL(kept.find(call_of(getpid(), id)).kind, Kind::wait);
  CHECK_EQUAL(kept.late_count(), 1UL);
  const auto sent = sent_at(kept, 1000);
  CHECK_EQUAL(sent.size(), 1UL);
  // of the newest: whoever waits has that one
  CHECK_EQUAL(sent.front(), 4UL);
  CHECK(kept.is_empty());
}

void gives_a_late_call_up_for_another() {
  for (const Change& change : changes()) {
    KeptCalls kept;
    CHECK(kept.keep_late(call_of(getpid()), value(5), 1000));
    CallContent other = call_of(getpid());
    change(other);
    CHECK_EQUAL(kept.find(other).kind, Kind::none);
    CHECK(kept.is_empty());
    CHECK_EQUAL(kept.late_count(), 0UL);
    CHECK(sent_at(kept, kNever).empty());
  }
}

void loses_a_late_answer_that_does_not_arrive() {
  KeptCalls kept;
  CHECK(kept.keep_late(call_of(getpid(), 1), value(5), 1000));
  CHECK_EQUAL(sent_at(kept, 1000, false).size(), 1UL);
  CHECK(!kept.is_empty());
  CHECK_EQUAL(kept.late_count(), 0UL);
  // no second try of its own
  CHECK(sent_at(kept, now()).empty());
  const auto match = kept.find(call_of(getpid(), 2));
  CHECK_EQUAL(match.kind, Kind::answer);
  CHECK_EQUAL(match.response.value, 5L);
}

void loses_nothing_for_the_dead() {
  KeptCalls kept;
  Sleeper sleeper;
  const pid_t pid = sleeper.pid();
  CHECK(kept.keep_late(call_of(pid), value(5), 1000));
  sleeper.end();
  kept.answer_due(pid, 1000, soon(), [](std::uint64_t, const Response&) { return Arrival::lost; });
  CHECK(kept.is_empty());
  CHECK_EQUAL(kept.late_count(), 0UL);
}

void forgets() {
  KeptCalls kept;
  CHECK(!kept.forget(getpid()));
  CHECK(kept.keep_late(call_of(getpid()), value(5), 1000));
  CHECK(kept.forget(getpid()));
  CHECK(kept.is_empty());
  CHECK_EQUAL(kept.late_count(), 0UL);
  CHECK(sent_at(kept, kNever).empty());
}

void refuses_too_many_late_answers() {
  KeptCalls kept;
  for (std::size_t tid = 1; tid <= kMaxLate; ++tid)
    CHECK(kept.keep_late(call_of(static_cast<pid_t>(tid)), value(5), 1000));
  CHECK_EQUAL(kept.late_count(), kMaxLate);
  CHECK(!kept.keep_late(call_of(1 << 20), value(5), 1000));
  CHECK_EQUAL(kept.late_count(), kMaxLate);
  kept.forget(17);
  CHECK(kept.keep_late(call_of(1 << 20), value(5), 1000));
}

// As many processes that wait, at little cost: they share our memory.
class Crowd {
 public:
  explicit Crowd(std::size_t count) : size_(count * kStack) {
    stacks_ = static_cast<std::byte*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(stacks_ != MAP_FAILED);
    for (std::size_t index = 1; index <= count; ++index) {
      const pid_t pid = clone(wait, stacks_ + index * kStack, CLONE_VM | CLONE_FILES, nullptr);
      CHECK(pid != -1);
      pids_.push_back(pid);
    }
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd() {
    for (const pid_t pid : pids_) kill(pid, SIGKILL);
    for (const pid_t pid : pids_) waitpid(pid, nullptr, __WALL);
    munmap(stacks_, size_);
  }

  [[nodiscard]] const std::vector<pid_t>& pids() const { return pids_; }

 private:
  static constexpr std::size_t kStack = 4096;

  __attribute__((no_sanitize("address", "undefined"), no_stack_protector)) static int wait(void*) {
    for (;;) raw_syscall(SYS_ppoll);
  }

  std::size_t size_;
  std::byte* stacks_;
  std::vector<pid_t> pids_;
};

void keeps_only_so_many_lost_answers() {
  const Crowd crowd(kMaxLost + 2);
  const pid_t last = crowd.pids().back();
  KeptCalls kept;
  const auto fill = [&](Nanoseconds until) {
    for (std::size_t index = 0; index < kMaxLost; ++index)
      kept.keep_lost(call_of(crowd.pids()[index]), value(5), until);
  };
  fill(now() + 60 * kSecond);
  CHECK_EQUAL(kept.find(call_of(crowd.pids()[kMaxLost - 1])).kind, Kind::answer);
  kept.keep_lost(call_of(last), value(5), soon());
  CHECK_EQUAL(kept.find(call_of(last)).kind, Kind::none);
  // late answers have a limit of their own
  CHECK(kept.keep_late(call_of(last), value(5), 1000));
  kept.forget(last);
  // one that is gone makes room
  kept.forget(crowd.pids().front());
  kept.keep_lost(call_of(last), value(5), soon());
  CHECK_EQUAL(kept.find(call_of(last)).kind, Kind::answer);
}

void makes_room_of_what_is_over() {
  const Crowd crowd(kMaxLost + 1);
  const pid_t last = crowd.pids().back();
  KeptCalls kept;
  const Nanoseconds until = now() + 10 * kSecond;
  for (std::size_t index = 0; index < kMaxLost; ++index) {
    const bool is_short = index % 2 == 0;
    kept.keep_lost(call_of(crowd.pids()[index]), value(5), is_short ? now() : until);
  }
  kept.keep_lost(call_of(last), value(5), until);
  CHECK_EQUAL(kept.find(call_of(last)).kind, Kind::answer);
  CHECK_EQUAL(kept.find(call_of(crowd.pids()[1])).kind, Kind::answer);
}

[[nodiscard]] std::size_t resident_pages() {
  FILE* const file = std::fopen("/proc/self/statm", "re");
  unsigned long size = 0;
  unsigned long resident = 0;
  CHECK_EQUAL(std::fscanf(file, "%lu %lu", &size, &resident), 2);
  (void)std::fclose(file);
  return resident;
}

void keeps_little_of_a_program() {
  constexpr int kCalls = 1000;
  constexpr std::size_t kGroups = 60'000;
  KeptCalls kept;
  CallContent call = call_of(1);
  call.program = std::string(kGroups, '1');
  const std::size_t before = resident_pages();
  for (int tid = 1; tid <= kCalls; ++tid) {
    call.notification.tid = tid;
    CHECK(kept.keep_late(call, value(5), 1000));
  }
  CHECK(resident_pages() - before < 2500);
  CHECK_EQUAL(kept.find(call).kind, Kind::wait);
  call.program.back() = '2';
  CHECK_EQUAL(kept.find(call).kind, Kind::none);
}

[[nodiscard]] std::size_t fill(KeptCalls& kept) {
  pid_t tid = 1;
  while (kept.keep_late(call_of(tid), value(5), 1000)) ++tid;
  return static_cast<std::size_t>(tid - 1);
}

void leaves_something_to_others() {
  constexpr std::size_t kContainers = 193;
  std::vector<std::unique_ptr<KeptCalls>> all;
  std::vector<std::size_t> kept;
  for (std::size_t index = 0; index < kContainers; ++index)
    kept.push_back(fill(*all.emplace_back(std::make_unique<KeptCalls>())));
  CHECK_EQUAL(kept.front(), kMaxLate);
  CHECK(kept.back() < kMaxLate);
  KeptCalls last;
  CHECK(last.keep_late(call_of(1), value(5), 1000));
  all.clear();
  CHECK_EQUAL(fill(last), kMaxLate);
}

void counts_for_all_listeners_of_a_container() {
  const auto count = std::make_shared<KeptCount>();
  KeptCalls first(count);
  {
    KeptCalls second(count);
    CHECK(second.keep_late(call_of(1), value(5), 1000));
    CHECK_EQUAL(fill(first), kMaxLate - 1);
    CHECK(!second.keep_late(call_of(2), value(5), 1000));
    first.forget(1);
    CHECK(second.keep_late(call_of(2), value(5), 1000));
    CHECK_EQUAL(second.late_count(), 2U);
  }
  // what a listener that has ended had is there for the others
  CHECK_EQUAL(count->all.load(), kMaxLate - 2);
  CHECK(first.keep_late(call_of(1 << 20), value(5), 1000));
}

// The example of its authors.
void hashes_as_siphash_does() {
  constexpr HashKey kKey = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::string text;
  for (char byte = 0; byte < 15; ++byte) text += byte;
  CHECK_EQUAL(sip_hash(kKey, text), 0xa129ca6149be45e5UL);
  CHECK_EQUAL(keyed_hash(text), keyed_hash(text));
  CHECK(keyed_hash(text) != keyed_hash(text + "1"));
}

constexpr Case kCases[] = {
    {"A9: KeptCalls: a call waits for an answer that nobody knows",
     waits_for_an_answer_that_nobody_knows},
    {"A9: KeptCalls: an awaited answer that is lost is kept", keeps_an_awaited_answer_that_is_lost},
    {"A9: KeptCalls: an awaited answer is lost at the newest notification alone",
     loses_an_awaited_answer_at_its_newest_notification_alone},
    {"A9: KeptCalls: an awaited call that is gone is forgotten, unless it came again",
     forgets_an_awaited_call_that_is_gone},
    {"A9: KeptCalls: an awaited call is forgotten for another one",
     forgets_an_awaited_call_for_another},
    {"KeptCalls: of a program with many groups little is kept", keeps_little_of_a_program},
    {"KeptCalls: one container leaves something to the next", leaves_something_to_others},
    {"KeptCalls: all listeners of a container have one bound",
     counts_for_all_listeners_of_a_container},
    {"KeptCalls: the hash of a text is that of its authors", hashes_as_siphash_does},
    {"KeptCalls: a lost call that comes again gets its answer",
     answers_a_lost_call_that_comes_again},
    {"KeptCalls: value, errno and continue are kept", keeps_whole_responses},
    {"KeptCalls: a descriptor is kept until its time is over",
     keeps_descriptors_until_their_time_is_over},
    {"KeptCalls: the descriptor of a call that does not come again is closed",
     closes_descriptors_of_calls_that_do_not_come_again},
    {"KeptCalls: after its time an answer is gone", does_not_answer_after_its_time},
    {"KeptCalls: a call that differs in anything gets no answer of another", answers_no_other_call},
    {"KeptCalls: another thread gets no answer", answers_no_other_thread},
    {"KeptCalls: a thread that leads no group is one of them", answers_a_thread_that_leads_nothing},
    {"KeptCalls: who has got the id of a thread that ended gets no answer",
     answers_nobody_who_has_got_the_id},
    {"KeptCalls: a program executed since gets no answer and no descriptor",
     gives_a_descriptor_to_no_program_executed_since},
    {"KeptCalls: nothing is kept for a thread that has ended", keeps_nothing_for_the_dead},
    {"KeptCalls: the last call of a thread counts", keeps_the_last_answer_of_a_thread},
    {"KeptCalls: a late answer is sent once, when it is due", answers_late_calls_once},
    {"KeptCalls: a late call that comes again is answered by its newest id",
     follows_a_late_call_that_comes_again},
    {"KeptCalls: a late answer goes when its thread makes another call",
     gives_a_late_call_up_for_another},
    {"KeptCalls: a late answer that does not arrive waits for its call",
     loses_a_late_answer_that_does_not_arrive},
    {"KeptCalls: a late answer for a thread that has ended is dropped", loses_nothing_for_the_dead},
    {"KeptCalls: what is forgotten is gone", forgets},
    {"KeptCalls: there are only so many late answers", refuses_too_many_late_answers},
    {"KeptCalls: there are only so many lost answers", keeps_only_so_many_lost_answers},
    {"KeptCalls: lost answers that are over make room", makes_room_of_what_is_over}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
