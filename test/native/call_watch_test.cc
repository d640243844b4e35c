// SPDX-License-Identifier: Apache-2.0
// Tests the deadlines of calls, handlers, reads and operations, without a clock.
#include "receiver/call_watch.h"

#include "check.h"
#include "process/child.h"

namespace seccompagent::test {
namespace {

using Verdict = CallWatch::Verdict;

constexpr Nanoseconds kTick = 4 * kMillisecond;

// A call whose worker computes all the time, or waits.
class Call {
 public:
  explicit Call(std::uint32_t link = 1) { watch.begin(link, cpu_); }

  // For how long handler `link` goes on until the call is over, at most `max`.
  Nanoseconds compute(std::uint32_t link, Nanoseconds max, Nanoseconds deadline = 0) {
    return go_on(link, max, deadline, kTick);
  }
  Nanoseconds wait(std::uint32_t link, Nanoseconds max, Nanoseconds deadline = 0) {
    return go_on(link, max, deadline, 0);
  }

  CallWatch watch;
  bool is_starved = false;
  bool is_over = false;

 private:
  Nanoseconds go_on(std::uint32_t link, Nanoseconds max, Nanoseconds deadline,
                    Nanoseconds computed) {
    Nanoseconds time = 0;
    for (; time < max && !is_over; time += kTick) {
      cpu_ += computed;
      watch.blame(link);
      watch.note_handling({.link = link, .cpu = cpu_, .elapsed = kTick}, deadline);
      is_over = watch.is_over(is_starved);
    }
    return time;
  }

  // earlier calls have computed, too
  Nanoseconds cpu_ = 100 * kSecond;
};

void ends_a_handler_that_computes() {
  Call call;
  CHECK_EQUAL(call.compute(1, 10 * kSecond, 200 * kMillisecond), 200 * kMillisecond);
  CHECK_EQUAL(call.watch.blamed(), 1U);
  Call other;
  CHECK_EQUAL(other.compute(1, 10 * kSecond), kSecond);
}

void lets_a_handler_wait_ten_times_as_long() {
  Call call;
  CHECK_EQUAL(call.wait(1, 60 * kSecond, 200 * kMillisecond), 2 * kSecond);
}

void gives_each_handler_its_time() {
  Call call;
  for (std::uint32_t link = 1; link <= 3; ++link) {
    call.compute(link, 160 * kMillisecond, 200 * kMillisecond);
    CHECK(!call.is_over);
  }
}

void ends_a_call_of_many_handlers() {
  Call call;
  // the second computes most
  call.compute(1, 400 * kMillisecond, 600 * kMillisecond);
  call.compute(2, 500 * kMillisecond, 600 * kMillisecond);
  CHECK(!call.is_over);
  CHECK(call.compute(3, 400 * kMillisecond, 600 * kMillisecond) < 400 * kMillisecond);
  CHECK(call.is_over);
  CHECK_EQUAL(call.watch.blamed(), 2U);
  CHECK_EQUAL(call.watch.computed(), kSecond);
}

void gives_a_call_the_longest_deadline() {
  Call call;
  call.compute(1, 400 * kMillisecond, 3 * kSecond);
  call.compute(2, 5 * kSecond, 4 * kSecond);
  CHECK(call.is_over);
  CHECK_EQUAL(call.watch.computed(), 4 * kSecond);
}

void has_long_handlers_hurry() {
  Call call;
  call.is_starved = true;
  CHECK_EQUAL(call.compute(1, 60 * kSecond, 30 * kSecond), kSecond);
  Call other;
  CHECK_EQUAL(other.compute(1, 60 * kSecond, 30 * kSecond), 30 * kSecond);
}

void begins_anew_with_a_call() {
  Call call;
  call.compute(1, 900 * kMillisecond);
  CHECK(!call.is_over);
  Call next;
  next.watch = call.watch;
  next.watch.begin(1, 100 * kSecond);
  CHECK_EQUAL(next.compute(1, 10 * kSecond), kSecond);
}

void ends_a_read() {
  CallWatch watch;
  watch.begin(0, 0);
  Nanoseconds slow = 0;
  Nanoseconds time = 0;
  for (Verdict verdict = Verdict::quick; verdict != Verdict::overdue;) {
    time += kTick;
    CHECK(time < 10 * kSecond);
    verdict = watch.note_reading(kTick, false);
    if (verdict == Verdict::slow && slow == 0) slow = time;
  }
  CHECK_EQUAL(slow, 20 * kMillisecond);
  CHECK_EQUAL(time, kSecond);
}

void counts_no_time_in_which_a_reader_runs() {
  CallWatch watch;
  watch.begin(0, 0);
  for (int tick = 0; tick < 1000; ++tick)
    CHECK_EQUAL(watch.note_reading(kTick, true), Verdict::quick);
  // nor what the watchdog has missed
  CHECK_EQUAL(watch.note_reading(kTick, false), Verdict::quick);
  CHECK_EQUAL(watch.note_reading(60 * kSecond, false), Verdict::slow);
}

// An operation that keeps the worker's own thread waiting from the beginning.
Nanoseconds time_until(Verdict end, bool is_starved) {
  CallWatch watch;
  watch.begin(1, 0);
  Nanoseconds age = 0;
  for (Verdict verdict = Verdict::quick; verdict < end;) {
    age += kTick;
    CHECK(age < 60 * kSecond);
    verdict = watch.note_operation({.start = 1,
                                    .age = age,
                                    .elapsed = kTick,
                                    .is_waiting = true,
                                    .is_awaiting = false,
                                    .is_starved = is_starved});
  }
  return age;
}

void ends_an_operation() {
  CHECK_EQUAL(time_until(Verdict::slow, false), 100 * kMillisecond);
  CHECK_EQUAL(time_until(Verdict::overdue, false), 10 * kSecond);
  CHECK_EQUAL(time_until(Verdict::overdue, true), 3 * kSecond);
}

void leaves_helpers_their_own_deadlines() {
  CallWatch watch;
  watch.begin(1, 0);
  CallWatch::Operation operation = {.start = 1,
                                    .age = 60 * kSecond,
                                    .elapsed = kTick,
                                    .is_waiting = false,
                                    .is_awaiting = true,
                                    .is_starved = true};
  for (int tick = 0; tick < 1000; ++tick)
    CHECK_EQUAL(watch.note_operation(operation), Verdict::quick);
  operation.is_awaiting = false;
  operation.is_waiting = true;
  for (int tick = 1; tick < 25; ++tick)
    CHECK_EQUAL(watch.note_operation(operation), Verdict::quick);
  // the next operation has its own time
  operation.start = 2;
  CHECK_EQUAL(watch.note_operation(operation), Verdict::quick);
}

void ends_an_operation_that_is_never_scheduled() {
  CallWatch watch;
  watch.begin(1, 0);
  CallWatch::Operation operation = {.start = 1,
                                    .age = kSecond,
                                    .elapsed = kSecond,
                                    .is_waiting = true,
                                    .is_awaiting = false,
                                    .is_starved = false};
  for (int look = 0; look < 5; ++look) (void)watch.note_operation(operation);
  CHECK_EQUAL(watch.note_operation(operation), Verdict::slow);
  operation.age = 10 * kSecond + TimeTaken::kMaxUnscheduled;
  CHECK_EQUAL(watch.note_operation(operation), Verdict::overdue);
}

constexpr Case kCases[] = {
    {"A5: CallWatch: a handler that computes has its deadline", ends_a_handler_that_computes},
    {"A5: CallWatch: a handler that waits has ten times as long",
     lets_a_handler_wait_ten_times_as_long},
    {"CallWatch: each handler of a call has its time", gives_each_handler_its_time},
    {"A5: CallWatch: many handlers together end a call, and the slowest is blamed",
     ends_a_call_of_many_handlers},
    {"CallWatch: a call has the longest deadline of its handlers",
     gives_a_call_the_longest_deadline},
    {"CallWatch: long deadlines are cut while calls of others wait", has_long_handlers_hurry},
    {"CallWatch: a call begins without the time of the one before", begins_anew_with_a_call},
    {"A5: CallWatch: a read is slow, and then overdue", ends_a_read},
    {"CallWatch: time in which a reader runs does not count",
     counts_no_time_in_which_a_reader_runs},
    {"A5: CallWatch: an operation of the worker itself is slow, and then overdue",
     ends_an_operation},
    {"CallWatch: a helper's operation has no deadline here", leaves_helpers_their_own_deadlines},
    {"CallWatch: an operation ends that is never scheduled",
     ends_an_operation_that_is_never_scheduled}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
