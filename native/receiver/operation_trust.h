// SPDX-License-Identifier: Apache-2.0
// Whether what is done for containers takes so little time that nobody has to take over meanwhile.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "kernel/clock.h"

namespace seccompagent {

// The time of operations is up to containers, which may have file systems of their own. A trusted
// one that takes long delays all calls of others until the watcher looks, so trust is gained by
// many quick ones and lost by a slow one, of whichever container, for many times as long as that
// one took: whatever containers do, others wait for it in a small part of the time only.
class OperationTrust {
 public:
  // `took`: all operations of one call until now.
  void note(Nanoseconds took, Nanoseconds time) {
    if (took < kQuick) {
      in_a_row_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    in_a_row_.store(0, std::memory_order_relaxed);
    const Nanoseconds until = time + std::min(took * kTimesAsLong, kMaxDistrust);
    if (until > distrusted_until_.load(std::memory_order_relaxed))
      distrusted_until_.store(until, std::memory_order_relaxed);
  }

  [[nodiscard]] bool is_trusted(Nanoseconds time) const {
    return in_a_row_.load(std::memory_order_relaxed) >= kMany &&
           time >= distrusted_until_.load(std::memory_order_relaxed);
  }

  static constexpr Nanoseconds kQuick = 500 * kMicrosecond;
  // Too few delays for one call of a hundred.
  static constexpr Nanoseconds kTimesAsLong = 200;
  // The watcher ends longer delays.
  static constexpr Nanoseconds kMaxDistrust = kSecond;
  static constexpr std::uint64_t kMany = 64;

 private:
  // Of all its workers' operations.
  std::atomic<std::uint64_t> in_a_row_ = 0;
  std::atomic<Nanoseconds> distrusted_until_ = 0;
};

// Of a container: reading its callers' memory has blocked, until so many reads were quick again.
// A machine that is busy does that to anybody once; for a container that does it itself it takes
// twice as long each time.
class SlowReads {
 public:
  static constexpr std::uint32_t kMinQuick = 16;

  [[nodiscard]] bool are_slow() const { return are_slow_.load(std::memory_order_relaxed); }
  void note_slow() {
    if (!are_slow_.exchange(true)) times_.fetch_add(1);
    quick_.store(0);
  }
  void note_quick() {
    constexpr std::uint32_t kMaxDoublings = 16;
    const std::uint32_t needed = kMinQuick / 2 << std::min(times_.load(), kMaxDoublings);
    if (quick_.fetch_add(1) + 1 >= needed) are_slow_.store(false);
  }

 private:
  std::atomic<bool> are_slow_ = false;
  std::atomic<std::uint32_t> times_ = 0;
  std::atomic<std::uint32_t> quick_ = 0;
};

// Of a container, or all of a sender: workers that waited for their memory or file systems until
// they were given up. While one still does, and for some time after, no other thread of ours waits
// for them: only what can be ended does.
class LostWorkers {
 public:
  static constexpr Nanoseconds kRemembered = 600 * kSecond;
  static constexpr std::uint32_t kMany = 4;

  void note_lost() {
    if (!are_known()) all_.store(0);
    count_.fetch_add(1);
    all_.fetch_add(1);
  }
  void note_back(Nanoseconds time) {
    last_.store(time);
    count_.fetch_sub(1);
  }
  [[nodiscard]] bool are_known() const {
    if (count_.load(std::memory_order_relaxed) != 0) return true;
    const Nanoseconds last = last_.load(std::memory_order_relaxed);
    return last != 0 && now() - last < kRemembered;
  }
  [[nodiscard]] bool are_many() const {
    return all_.load(std::memory_order_relaxed) >= kMany && are_known();
  }

 private:
  std::atomic<std::uint32_t> count_ = 0;
  // Those that have come back, too, as long as some are known.
  std::atomic<std::uint32_t> all_ = 0;
  // When one came back; 0: none has.
  std::atomic<Nanoseconds> last_ = 0;
};

}  // namespace seccompagent
