// SPDX-License-Identifier: Apache-2.0
// Tests how many helpers live at a time, and who waits for room.
#include "acting/living_helpers.h"

#include <mutex>
#include <thread>

#include "check.h"
#include "kernel/clock.h"

namespace seccompagent::test {
namespace {

constexpr Payer kMany = 1;
constexpr Payer kOther = 2;
constexpr std::size_t kShared = LivingHelpers::kMax - LivingHelpers::kKept;

void fill(LivingHelpers& living) {
  std::size_t added = 0;
  for (; living.has_room(kMany); ++added) living.add(kMany);
  CHECK_EQUAL(added, kShared);
}

void keeps_some_for_those_without() {
  LivingHelpers living;
  fill(living);
  for (Payer payer = kOther; payer < kOther + LivingHelpers::kKept; ++payer) {
    CHECK(living.has_room(payer));
    living.add(payer);
    CHECK(!living.has_room(payer));
  }
  CHECK(!living.has_room(kOther + LivingHelpers::kKept));
  living.remove(kOther);
  CHECK(living.has_room(kOther));
  CHECK(!living.has_room(kMany));
}

void has_enough_for_all_that_wait() {
  // workers that wait, beside all calls that were handed over
  CHECK(kShared >= LivingHelpers::kMaxAwaited + HandedCalls::kMaxActingOfAll);
}

void waits_for_room() {
  LivingHelpers living;
  std::mutex mutex;
  fill(living);
  std::thread ends_one([&] {
    pause_for(50 * kMillisecond);
    const std::lock_guard lock(mutex);
    living.remove(kMany);
  });
  constexpr Patience kPatient = {.max = 60 * kSecond};
  TimeTaken taken;
  {
    std::unique_lock lock(mutex);
    while (!living.has_room(kMany)) CHECK(living.await_room(lock, kPatient, taken));
  }
  ends_one.join();
}

void waits_as_long_as_the_patience_lasts() {
  LivingHelpers living;
  std::mutex mutex;
  fill(living);
  constexpr Patience kShort = {.max = 50 * kMillisecond};
  TimeTaken taken;
  const Nanoseconds begun = now();
  std::unique_lock lock(mutex);
  while (living.await_room(lock, kShort, taken)) CHECK(!living.has_room(kMany));
  CHECK(now() - begun >= kShort.max);
}

constexpr Case kCases[] = {
    {"A5, G4: LivingHelpers: some are kept for payers that have none",
     keeps_some_for_those_without},
    {"A5: LivingHelpers: there are enough for all who wait", has_enough_for_all_that_wait},
    {"A5: LivingHelpers: who finds no room waits for it", waits_for_room},
    {"A5: LivingHelpers: nobody waits beyond the patience", waits_as_long_as_the_patience_lasts}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
