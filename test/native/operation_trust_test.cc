// SPDX-License-Identifier: Apache-2.0
// Tests who takes over while something is done for a container.
#include "receiver/operation_trust.h"

#include <atomic>
#include <thread>

#include "check.h"
#include "receiver_fixture.h"

namespace seccompagent::test {
namespace {

constexpr Nanoseconds kShort = OperationTrust::kQuick - 1;

void is_gained_by_many() {
  OperationTrust trust;
  CHECK(!trust.is_trusted(0));
  for (std::uint64_t index = 0; index < OperationTrust::kMany; ++index) {
    CHECK(!trust.is_trusted(0));
    trust.note(kShort, 0);
  }
  CHECK(trust.is_trusted(0));
}

constexpr Nanoseconds kTime = 5 * kSecond;

void note_many(OperationTrust& trust) {
  for (std::uint64_t index = 0; index < OperationTrust::kMany; ++index) trust.note(kShort, kTime);
}

void check_lost_for(Nanoseconds took, Nanoseconds distrust) {
  OperationTrust trust;
  note_many(trust);
  CHECK(trust.is_trusted(kTime));
  trust.note(took, kTime);
  CHECK(!trust.is_trusted(kTime + distrust));
  note_many(trust);
  CHECK(!trust.is_trusted(kTime + distrust - 1));
  CHECK(trust.is_trusted(kTime + distrust));
}

void is_lost_for_a_while() {
  check_lost_for(OperationTrust::kQuick, OperationTrust::kQuick * OperationTrust::kTimesAsLong);
  check_lost_for(kMillisecond, kMillisecond * OperationTrust::kTimesAsLong);
  check_lost_for(kSecond, OperationTrust::kMaxDistrust);
}

void is_lost_no_shorter_by_one_that_was_quicker() {
  OperationTrust trust;
  trust.note(kSecond, kTime);
  trust.note(OperationTrust::kQuick, kTime);
  note_many(trust);
  CHECK(!trust.is_trusted(kTime + OperationTrust::kMaxDistrust - 1));
  CHECK(trust.is_trusted(kTime + OperationTrust::kMaxDistrust));
}

// G4: a container whose operations were quick until now, and another one's call.
void is_no_way_to_keep_others_waiting() {
  const auto receiver = make_receiver({.running = 2, .fewest = 2});
  Desk desk(receiver, 1);
  Callers trusted(1 + WorkerTime::kProof);
  add(*receiver, trusted);
  for (std::uint32_t call = 0; call < WorkerTime::kProof; ++call) {
    CHECK_EQUAL(desk.receive(), EventKind::notification);
    desk.answer(7);
  }
  CHECK_EQUAL(desk.receive(), EventKind::notification);
  for (std::uint64_t index = 0; index < OperationTrust::kMany; ++index) {
    VALUE(desk.worker().begin_operation());
    desk.worker().end_operation(Worker::Effect::done);
  }
  // whoever would have to be called by now is not there before
  std::atomic<bool> is_done = false;
  std::thread other([&] {
    Desk helping(receiver, 2);
    while (!is_done.load()) {
      if (helping.receive() != EventKind::notification) continue;
      helping.answer(5);
    }
  });
  wait_until([&] { return figure(*receiver, kWorkers) == 2; });
  VALUE(desk.worker().begin_operation());
  Callers late(1);
  add(*receiver, late);
  const Nanoseconds start = now();
  CHECK_EQUAL(late.result(0), 5L);
  CHECK(now() - start < kSecond);
  desk.worker().end_operation(Worker::Effect::done);
  is_done.store(true);
  receiver->stop();
  other.join();
  desk.answer(7);
  // it is told first of listeners that have ended
  while (desk.receive() != EventKind::stopped) continue;
  trusted.join();
  CHECK_EQUAL(trusted.count_of(7), 1UL + WorkerTime::kProof);
}

void is_slow_until_it_was_quick_again() {
  SlowReads reads;
  CHECK(!reads.are_slow());
  for (std::uint32_t needed = SlowReads::kMinQuick; needed < 200; needed *= 2) {
    reads.note_slow();
    for (std::uint32_t quick = 0; quick < needed; ++quick) {
      CHECK(reads.are_slow());
      reads.note_quick();
    }
    CHECK(!reads.are_slow());
  }
}

void begins_anew_with_each_slow_read() {
  SlowReads reads;
  reads.note_slow();
  for (std::uint32_t quick = 1; quick < SlowReads::kMinQuick; ++quick) reads.note_quick();
  reads.note_slow();
  for (std::uint32_t quick = 1; quick < SlowReads::kMinQuick; ++quick) reads.note_quick();
  CHECK(reads.are_slow());
  reads.note_quick();
  CHECK(!reads.are_slow());
}

constexpr Case kCases[] = {
    {"OperationTrust: it is gained by many operations", is_gained_by_many},
    {"OperationTrust: it is lost by one that is slow, for many times as long", is_lost_for_a_while},
    {"OperationTrust: it is lost no shorter since another one was less slow",
     is_lost_no_shorter_by_one_that_was_quicker},
    {"G4: OperationTrust: an operation that is slow all of a sudden keeps nobody waiting",
     is_no_way_to_keep_others_waiting},
    {"A5, A19: SlowReads: who was slow once is not for good", is_slow_until_it_was_quick_again},
    {"A5: SlowReads: each slow read begins the count anew", begins_anew_with_each_slow_read}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
