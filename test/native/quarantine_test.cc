// SPDX-License-Identifier: Apache-2.0
// Tests how handlers are left alone that have used their time up; quarantine.test.ts has the rest.
#include "receiver/quarantine.h"

#include <array>

#include "check.h"

namespace seccompagent::test {
namespace {

constexpr Nanoseconds kTime = 5 * kSecond;
constexpr std::int64_t kTimeMs = kTime / kMillisecond;
// From which level on a handler is left alone.
constexpr std::int32_t kPatience = 20;

struct Memory {
  std::array<Quarantine::State, 3> states = {};
  std::array<std::int64_t, 3> ends = {};
  Quarantine quarantine{states, ends};
};

void leaves_alone_at_once() {
  Memory memory;
  CHECK_EQUAL(memory.quarantine.note_overdue(1, kTime), 1000U);
  CHECK(memory.states[1].level >= kPatience);
  CHECK_EQUAL(memory.states[1].back_off_ms, 1000);
  CHECK_EQUAL(memory.ends[1], kTimeMs + 1000);
  for (const std::size_t other : {0UL, 2UL}) {
    CHECK_EQUAL(memory.states[other].level, 0);
    CHECK_EQUAL(memory.ends[other], 0);
  }
}

void counts_what_was_asked_before_once() {
  Memory memory;
  CHECK_EQUAL(memory.quarantine.note_overdue(1, kTime), 1000U);
  CHECK_EQUAL(memory.quarantine.note_overdue(1, kTime + kSecond - 1), 0U);
  CHECK_EQUAL(memory.ends[1], kTimeMs + 1000);
}

void counts_the_call_that_tries() {
  Memory memory;
  CHECK_EQUAL(memory.quarantine.note_overdue(1, kTime), 1000U);
  const Nanoseconds time = kTime + kSecond;
  // until then no other one may try it
  memory.ends[1] = time / kMillisecond + 5000;
  memory.states[1].is_tried = 1;
  CHECK_EQUAL(memory.quarantine.note_overdue(1, time), 2000U);
  CHECK_EQUAL(memory.ends[1], time / kMillisecond + 2000);
  CHECK_EQUAL(memory.quarantine.note_overdue(1, time), 0U);
}

void doubles_the_time_up_to_a_minute() {
  Memory memory;
  Nanoseconds time = kTime;
  for (const std::uint32_t expected :
       {1000U, 2000U, 4000U, 8000U, 16'000U, 32'000U, 60'000U, 60'000U}) {
    // a call has tried it
    memory.states[1].is_tried = 1;
    CHECK_EQUAL(memory.quarantine.note_overdue(1, time), expected);
    CHECK_EQUAL(memory.states[1].is_tried, 0);
    time += expected * kMillisecond;
  }
}

void counts_what_has_ended_its_worker() {
  Memory memory;
  for (int failure = 1; failure < 5; ++failure) {
    CHECK_EQUAL(memory.quarantine.note_broken(1, kTime), 0U);
    CHECK_EQUAL(memory.ends[1], 0);
  }
  CHECK_EQUAL(memory.quarantine.note_broken(1, kTime), 1000U);
  CHECK_EQUAL(memory.ends[1], kTimeMs + 1000);
}

void knows_whom_there_is() {
  Memory memory;
  for (const std::int32_t index : {-1, 3, 0x7fffffff})
    CHECK_EQUAL(memory.quarantine.note_overdue(index, kTime), 0U);
  for (const Quarantine::State& state : memory.states) CHECK_EQUAL(state.level, 0);
  CHECK_EQUAL(Quarantine().note_overdue(0, kTime), 0U);
}

constexpr Case kCases[] = {
    {"Quarantine: who has used its time up is left alone at once", leaves_alone_at_once},
    {"Quarantine: calls that were asked before it began count once",
     counts_what_was_asked_before_once},
    {"Quarantine: the call that tries it counts, though others may not yet",
     counts_the_call_that_tries},
    {"Quarantine: each time is twice as long, up to a minute", doubles_the_time_up_to_a_minute},
    {"Quarantine: who has ended its worker five times is left alone",
     counts_what_has_ended_its_worker},
    {"Quarantine: who is not there is not left alone", knows_whom_there_is}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
