// SPDX-License-Identifier: Apache-2.0
// Tests what is known of how long containers keep workers.
#include "receiver/worker_time.h"

#include <memory>
#include <string>

#include "check.h"
#include "receiver/listener.h"
#include "receiver/sender.h"

namespace seccompagent::test {
namespace {

constexpr Nanoseconds kTime = 5 * kSecond;
constexpr Nanoseconds kCall = WorkerTime::kMuch / 5;

[[nodiscard]] std::shared_ptr<Container> container_of(const std::shared_ptr<Sender>& sender) {
  return std::make_shared<Container>(1U, Payer{1}, sender);
}
[[nodiscard]] std::shared_ptr<Container> lone_container() {
  return container_of(std::make_shared<Sender>(1U));
}

void prove(WorkerTime& worker_time) {
  for (std::uint32_t call = 0; call < WorkerTime::kProof; ++call) worker_time.note_answer(0);
}

void is_known_by_quick_calls() {
  const auto container = lone_container();
  for (std::uint32_t call = 0; call < WorkerTime::kProof; ++call) {
    CHECK_EQUAL(container->pace(kTime), Pace::unknown);
    container->worker_time.note_answer(WorkerTime::kLongCall);
    container->worker_time.note_answer(WorkerTime::kLongCall - 1);
  }
  CHECK_EQUAL(container->pace(kTime), Pace::quick);
}

void is_slow_by_many_calls() {
  const auto container = lone_container();
  prove(container->worker_time);
  for (int call = 0; call < 5; ++call) {
    CHECK_EQUAL(container->pace(kTime), Pace::quick);
    container->worker_time.note(kCall, kTime);
  }
  CHECK_EQUAL(container->worker_time.kept_lately(kTime), WorkerTime::kMuch);
  CHECK_EQUAL(container->pace(kTime), Pace::slow);
  // no quick call makes up for it
  prove(container->worker_time);
  CHECK_EQUAL(container->pace(kTime), Pace::slow);
}

void is_doubtful_for_minutes() {
  const auto container = lone_container();
  prove(container->worker_time);
  container->worker_time.note(2 * WorkerTime::kMuch, kTime);
  CHECK_EQUAL(container->pace(kTime + 3 * kSecond), Pace::slow);
  CHECK_EQUAL(container->pace(kTime + 5 * kSecond), Pace::doubtful);
  CHECK_EQUAL(container->pace(kTime + 190 * kSecond), Pace::doubtful);
  CHECK_EQUAL(container->pace(kTime + 210 * kSecond), Pace::quick);
}

// The calls of each are long enough apart that it is not slow when the next one comes.
void is_doubtful_by_calls_now_and_then() {
  const auto container = lone_container();
  prove(container->worker_time);
  constexpr Nanoseconds kPeriod = 20 * kSecond;
  for (Nanoseconds time = kTime; time < kTime + 1000 * kSecond; time += kPeriod) {
    CHECK_EQUAL(container->pace(time), time == kTime ? Pace::quick : Pace::doubtful);
    container->worker_time.note(900 * kMillisecond, time);
  }
}

void is_quick_in_spite_of_few_long_calls() {
  const auto container = lone_container();
  prove(container->worker_time);
  for (Nanoseconds time = kTime; time < kTime + 1000 * kSecond; time += 40 * kSecond) {
    container->worker_time.note(kCall, time);
    CHECK_EQUAL(container->pace(time), Pace::quick);
  }
}

void is_over_in_ten_minutes() {
  const auto container = lone_container();
  for (int call = 0; call < 100; ++call) container->worker_time.note(10 * kSecond, kTime);
  CHECK_EQUAL(container->pace(kTime + 590 * kSecond), Pace::slow);
  CHECK_EQUAL(container->pace(kTime + 600 * kSecond), Pace::unknown);
}

void is_no_better_than_its_sender_allows() {
  const auto sender = std::make_shared<Sender>(1U);
  const auto known = container_of(sender);
  const auto next = container_of(sender);
  prove(known->worker_time);
  sender->worker_time.note(WorkerTime::kMuch, kTime);
  CHECK_EQUAL(known->pace(kTime), Pace::unknown);
  CHECK_EQUAL(next->pace(kTime), Pace::doubtful);
  CHECK_EQUAL(known->pace(kTime + kSecond), Pace::quick);
  CHECK_EQUAL(next->pace(kTime + kSecond), Pace::unknown);
}

void is_suspected_for_a_while() {
  const auto container = lone_container();
  container->worker_time.suspect(kSecond, kTime);
  CHECK_EQUAL(container->pace(kTime + 15 * kSecond), Pace::slow);
  CHECK_EQUAL(container->pace(kTime + 17 * kSecond), Pace::unknown);
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
  for (std::size_t index = 0; index < OverdueComponents::kMost + kMore; ++index)
    components.note(name(index), kTime + static_cast<Nanoseconds>(index));
  for (std::size_t index = 0; index < OverdueComponents::kMost + kMore; ++index)
    CHECK_EQUAL(components.has(name(index), kTime), index >= kMore);
}

void remembers_who_has_kept_workers_most() {
  Senders senders;
  constexpr auto kAll = static_cast<std::uint32_t>(Senders::kMost);
  for (std::uint32_t number = 1; number <= kAll; ++number)
    senders.note(number, number * kSecond, now());
  const std::shared_ptr<Sender> used = senders.of(1);
  const auto kept = [&](std::uint32_t number) {
    return senders.of(number)->worker_time.kept_lately(now());
  };
  CHECK_EQUAL(kept(kAll + 1), 0);
  CHECK(kept(1) > 0);
  CHECK(kept(3) > 0);
  CHECK(kept(kAll) > 0);
  // it was forgotten when one more came
  CHECK_EQUAL(kept(2), 0);
}

constexpr Case kCases[] = {
    {"G4: WorkerTime: a few quick calls show that a container is quick", is_known_by_quick_calls},
    {"A5: WorkerTime: many calls keep as long as a long one", is_slow_by_many_calls},
    {"A5: WorkerTime: who was slow is not quick again for minutes", is_doubtful_for_minutes},
    {"A5: WorkerTime: a long call now and then is enough not to be quick",
     is_doubtful_by_calls_now_and_then},
    {"G4: WorkerTime: few long calls are not", is_quick_in_spite_of_few_long_calls},
    {"A5: WorkerTime: it is over in ten minutes", is_over_in_ten_minutes},
    {"A5: Container: it is no better than others of its sender",
     is_no_better_than_its_sender_allows},
    {"A5: WorkerTime: who is suspected is slow for a while", is_suspected_for_a_while},
    {"A5: OverdueComponents: who has used its time up is remembered for a while",
     remembers_components_for_a_while},
    {"A5: OverdueComponents: the last ones are remembered", remembers_the_last_components},
    {"G4: Senders: if there are too many, who has kept workers least is forgotten",
     remembers_who_has_kept_workers_most}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
