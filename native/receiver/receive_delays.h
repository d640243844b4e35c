// SPDX-License-Identifier: Apache-2.0
// Times that calls were pending before they were received, as far as these can be known.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernel/clock.h"
#include "receiver/counters.h"

namespace seccompagent {

// One thread at a time writes; others read at any time.
class ReceiveDelays {
 public:
  // Calls pending when the wait began may have come at any time since the last one ended. A wait
  // that blocks takes longer than kAtOnce: then nothing was pending.
  void note(Nanoseconds wait_start, Nanoseconds wait_end) {
    constexpr Nanoseconds kAtOnce = 3 * kMicrosecond;
    const bool was_pending = wait_end - wait_start <= kAtOnce && last_end_ != 0;
    const Nanoseconds delay = was_pending ? std::max<Nanoseconds>(wait_start - last_end_, 0) : 0;
    last_end_ = wait_end;
    add(counts_[bucket_of(delay)], 1);
    add(sum_, static_cast<std::uint64_t>(delay));
  }

  void add_to(ReceiveDelays& total) const {
    for (std::size_t index = 0; index < counts_.size(); ++index)
      total.counts_[index] += read(counts_[index]);
    total.sum_ += read(sum_);
  }

  // By bucket of kBuckets; the last one is for all that is longer.
  [[nodiscard]] const auto& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }

 private:
  [[nodiscard]] static std::uint64_t read(const std::uint64_t& figure) {
    return std::atomic_ref(const_cast<std::uint64_t&>(figure)).load(std::memory_order_relaxed);
  }

  std::array<std::uint64_t, kBuckets.size() + 1> counts_ = {};
  std::uint64_t sum_ = 0;
  Nanoseconds last_end_ = 0;
};

}  // namespace seccompagent
