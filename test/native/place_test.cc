// SPDX-License-Identifier: Apache-2.0
// Tests that a look at a worker's call marks that call as overdue, and never the next one.
#include "receiver/place.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "check.h"

namespace seccompagent::test {
namespace {

const std::uint64_t kKey = CallKey::of(7, 1234);

// As a worker gets a call.
void begin_call(Place& place) {
  place.count_call();
  place.key.store(kKey, std::memory_order_release);
}

// As the watchdog looks at it.
void look(Place& place) { place.seen_calls = place.calls.load(); }

void marks_the_call_that_was_seen() {
  Place place;
  begin_call(place);
  look(place);
  CHECK(place.mark_overdue());
  CHECK_EQUAL(place.key.load(), kKey | CallKey::kOverdue);
}

void marks_a_call_with_a_newer_notification() {
  Place place;
  begin_call(place);
  look(place);
  place.key.store(kKey | CallKey::kParked);
  CHECK(place.mark_overdue());
  CHECK_EQUAL(place.key.load(), kKey | CallKey::kFlags);
}

void marks_nothing_where_there_is_no_call() {
  Place place;
  begin_call(place);
  look(place);
  place.key.store(0);
  CHECK(!place.mark_overdue());
  CHECK_EQUAL(place.key.load(), 0UL);
}

void marks_no_call_that_came_after_the_look() {
  Place place;
  begin_call(place);
  look(place);
  place.key.store(0);
  begin_call(place);
  CHECK(!place.mark_overdue());
  CHECK_EQUAL(place.key.load(), kKey);
}

// A worker with calls of one thread, so that all of them have the same key, and a watchdog that
// marks them: whatever call the worker finds marked is the one that was seen.
void marks_only_what_was_seen() {
  constexpr std::uint32_t kMarks = 500;
  Place place;
  std::mutex mutex;
  std::atomic<bool> is_over = false;
  // of the call that is marked; under the mutex
  std::uint32_t marked = 0;
  std::atomic<std::uint32_t> found = 0;
  const std::jthread worker([&] {
    while (!is_over.load()) {
      begin_call(place);
      const std::uint32_t call = place.calls.load();
      std::uint64_t key = kKey;
      if (place.key.compare_exchange_strong(key, 0)) continue;
      const std::lock_guard lock(mutex);
      if ((place.key.load() & CallKey::kOverdue) != 0) {
        CHECK_EQUAL(marked, call);
        found.fetch_add(1);
      }
      place.key.store(0);
    }
  });
  for (std::uint32_t marks = 0; marks < kMarks;) {
    look(place);
    {
      const std::lock_guard lock(mutex);
      if (!place.mark_overdue()) continue;
      marked = place.seen_calls;
    }
    ++marks;
    while (found.load() != marks) std::this_thread::yield();
  }
  is_over.store(true);
}

constexpr Case kCases[] = {
    {"Place: the call that was seen is marked as overdue", marks_the_call_that_was_seen},
    {"Place: a call with a newer notification is marked, too",
     marks_a_call_with_a_newer_notification},
    {"Place: nothing is marked where there is no call", marks_nothing_where_there_is_no_call},
    {"Place: a call of the same thread that came after the look is not marked",
     marks_no_call_that_came_after_the_look},
    {"Place: no next call is marked in the moment between look and mark",
     marks_only_what_was_seen}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
