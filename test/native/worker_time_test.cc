// SPDX-License-Identifier: Apache-2.0
// Tests what is known of how long containers keep workers.
#include "receiver/worker_time.h"

#include <memory>
#include <string>

#include "check.h"
#include "receiver/sender.h"

namespace seccompagent::test {
namespace {

constexpr Nanoseconds kTime = 5 * kSecond;
constexpr Nanoseconds kCall = WorkerTime::kMuch / 5;

void prove(WorkerTime& worker_time) {
  for (std::uint32_t call = 0; call < WorkerTime::kProof; ++call) worker_time.note_answer(0);
}

void is_known_by_quick_calls() {
  WorkerTime worker_time;
  for (std::uint32_t call = 0; call < WorkerTime::kProof; ++call) {
    CHECK_EQUAL(worker_time.pace(kTime), Pace::unknown);
    worker_time.note_answer(WorkerTime::kLongCall);
    worker_time.note_answer(WorkerTime::kLongCall - 1);
  }
  CHECK_EQUAL(worker_time.pace(kTime), Pace::quick);
}

void is_slow_by_many_calls() {
  WorkerTime worker_time;
  prove(worker_time);
  for (int call = 0; call < 5; ++call) {
    CHECK_EQUAL(worker_time.pace(kTime), Pace::quick);
    worker_time.note(kCall, kTime);
  }
  CHECK_EQUAL(worker_time.kept(kTime), WorkerTime::kMuch);
  CHECK_EQUAL(worker_time.pace(kTime), Pace::slow);
  // no quick call makes up for it
  prove(worker_time);
  CHECK_EQUAL(worker_time.pace(kTime), Pace::slow);
  worker_time.note(kCall, kTime);
  // what is more than that is made up for, first by being slow, and then by being so at times
  const Nanoseconds lately = kTime + kCall * WorkerTime::kTimesAsLong;
  CHECK_EQUAL(worker_time.pace(lately), Pace::slow);
  CHECK_EQUAL(worker_time.pace(lately + 1), Pace::doubtful);
  const Nanoseconds at_times = kTime + kCall * WorkerTime::kTimesAsLongAtTimes;
  CHECK_EQUAL(worker_time.pace(at_times), Pace::doubtful);
  CHECK_EQUAL(worker_time.pace(at_times + 1), Pace::quick);
}

void is_slow_by_suspicion() {
  WorkerTime worker_time;
  worker_time.suspect(WorkerTime::kMuch, kTime);
  CHECK_EQUAL(worker_time.pace(kTime), Pace::slow);
  prove(worker_time);
  // it is not held against it for long
  CHECK_EQUAL(worker_time.pace(kTime + WorkerTime::kMuch * WorkerTime::kTimesAsLong + 1),
              Pace::quick);
}

void is_not_slow_by_little_for_long() {
  WorkerTime worker_time;
  prove(worker_time);
  const auto call_until_end = [&](Nanoseconds times_as_long, Pace expected, Nanoseconds begin) {
    for (Nanoseconds time = begin; time < begin + 1000 * kSecond; time += kCall * times_as_long) {
      worker_time.note(kCall, time);
      if (time > begin + 500 * kSecond) CHECK_EQUAL(worker_time.pace(time), expected);
    }
  };
  call_until_end(WorkerTime::kTimesAsLongAtTimes, Pace::quick, kTime);
  call_until_end(WorkerTime::kTimesAsLong, Pace::doubtful, kTime + 2000 * kSecond);
}

void is_slow_for_ten_minutes_at_most() {
  WorkerTime worker_time;
  for (int call = 0; call < 100; ++call) worker_time.note(10 * kSecond, kTime);
  CHECK_EQUAL(worker_time.kept(kTime), 30 * kSecond);
  CHECK_EQUAL(worker_time.pace(kTime + 590 * kSecond), Pace::slow);
  CHECK_EQUAL(worker_time.pace(kTime + 600 * kSecond), Pace::unknown);
}

void remembers_components_for_a_while() {
  OverdueComponents components;
  CHECK(!components.has("one", kTime));
  components.note("one", kTime);
  CHECK(components.has("one", kTime + OverdueComponents::kRemembered - 1));
  CHECK(!components.has("one", kTime + OverdueComponents::kRemembered));
  CHECK(!components.has("other", kTime));
}

void remembers_the_last_components() {
  OverdueComponents components;
  const auto name = [](std::size_t index) { return std::to_string(index); };
  constexpr std::size_t kMore = 3;
  for (std::size_t index = 0; index < OverdueComponents::kMax + kMore; ++index)
    components.note(name(index), kTime + static_cast<Nanoseconds>(index));
  for (std::size_t index = 0; index < OverdueComponents::kMax + kMore; ++index)
    CHECK_EQUAL(components.has(name(index), kTime), index >= kMore);
}

void remembers_who_has_kept_workers_most() {
  Senders senders;
  constexpr auto kAll = static_cast<std::uint32_t>(Senders::kMax);
  for (std::uint32_t number = 1; number <= kAll; ++number)
    senders.note(number, number * kSecond, now());
  const std::shared_ptr<Sender> used = senders.of(1);
  const auto kept = [&](std::uint32_t number) {
    return senders.of(number)->worker_time.kept(now());
  };
  CHECK_EQUAL(kept(kAll + 1), 0);
  CHECK(kept(1) > 0);
  CHECK(kept(3) > 0);
  CHECK(kept(kAll) > 0);
  // it was forgotten when one more came
  CHECK_EQUAL(kept(2), 0);
}

void counts_nothing_for_none() {
  Senders senders;
  senders.note(0, kSecond, now());
  CHECK_EQUAL(senders.of(0)->worker_time.kept(now()), 0);
}

constexpr Case kCases[] = {
    {"G4: WorkerTime: a few quick calls show that a container is quick", is_known_by_quick_calls},
    {"A5: WorkerTime: many calls keep as long as a long one", is_slow_by_many_calls},
    {"A5: WorkerTime: who is suspected shows that it is quick", is_slow_by_suspicion},
    {"A5: WorkerTime: a container may keep a worker a little all the time",
     is_not_slow_by_little_for_long},
    {"A5: WorkerTime: it is over in ten minutes", is_slow_for_ten_minutes_at_most},
    {"A5: OverdueComponents: who has used its time up is remembered for a while",
     remembers_components_for_a_while},
    {"A5: OverdueComponents: the last ones are remembered", remembers_the_last_components},
    {"G4: Senders: if there are too many, who has kept workers least is forgotten",
     remembers_who_has_kept_workers_most},
    {"G4: Senders: what has no sender counts by itself", counts_nothing_for_none}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
