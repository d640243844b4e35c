// SPDX-License-Identifier: Apache-2.0
// Counters in memory that the main thread reads at any time. Each block has one writer.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/border.h"
#include "kernel/clock.h"

namespace seccompagent {

// Upper bounds of the buckets of all our histograms.
inline constexpr auto kBuckets = [] {
  std::array<Nanoseconds, kBucketMicroseconds.size()> bounds = {};
  for (std::size_t index = 0; index < bounds.size(); ++index)
    bounds[index] = kBucketMicroseconds[index] * kMicrosecond;
  return bounds;
}();

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

// The calls of one (syscall, handler).
struct CallCounters : CounterSlot {
  void count(Counted answer, Nanoseconds duration) {
    add(ends[static_cast<std::size_t>(answer)], 1);
    add(duration_sum_ns, static_cast<std::uint64_t>(duration));
    add(buckets[bucket_of(duration)], 1);
  }
};
static_assert(sizeof(CallCounters) == sizeof(CounterSlot));

using CounterBlock = std::span<CallCounters, kCounterSlots>;

}  // namespace seccompagent
