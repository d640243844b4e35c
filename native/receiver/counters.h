// SPDX-License-Identifier: Apache-2.0
// Counters in memory that the main thread reads at any time; counters.ts has the same layout. Each
// block has one writer.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/clock.h"

namespace seccompagent {

// Upper bounds of the buckets of all our histograms.
inline constexpr std::array<Nanoseconds, 20> kBuckets = {5 * kMicrosecond,
                                                         10 * kMicrosecond,
                                                         25 * kMicrosecond,
                                                         50 * kMicrosecond,
                                                         100 * kMicrosecond,
                                                         250 * kMicrosecond,
                                                         500 * kMicrosecond,
                                                         kMillisecond,
                                                         2500 * kMicrosecond,
                                                         5 * kMillisecond,
                                                         10 * kMillisecond,
                                                         25 * kMillisecond,
                                                         50 * kMillisecond,
                                                         100 * kMillisecond,
                                                         250 * kMillisecond,
                                                         500 * kMillisecond,
                                                         kSecond,
                                                         2500 * kMillisecond,
                                                         5 * kSecond,
                                                         10 * kSecond};

// The index of a duration's bucket; kBuckets.size() is the one above all bounds.
[[nodiscard]] inline std::size_t bucket_of(Nanoseconds duration) {
  std::size_t bucket = 0;
  while (bucket < kBuckets.size() && duration > kBuckets[bucket]) ++bucket;
  return bucket;
}

inline void add(std::uint64_t& counter, std::uint64_t amount) {
  const std::atomic_ref shared(counter);
  shared.store(shared.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

enum class Counted : std::size_t { value, error, carry_on, gone, failure };

// The calls of one (syscall, handler).
struct CallCounters {
  std::array<std::uint64_t, 5> answers;
  std::uint64_t duration_sum;
  std::array<std::uint64_t, kBuckets.size() + 1> durations;
  // The last one is JavaScript's: see slotLayout.
  std::array<std::uint64_t, 5> unused;

  void count(Counted answer, Nanoseconds duration) {
    add(answers[static_cast<std::size_t>(answer)], 1);
    add(duration_sum, static_cast<std::uint64_t>(duration));
    add(durations[bucket_of(duration)], 1);
  }
};
static_assert(sizeof(CallCounters) == 32 * sizeof(std::uint64_t));

inline constexpr std::size_t kCounterSlots = 4096;
using CounterBlock = std::span<CallCounters, kCounterSlots>;

}  // namespace seccompagent
