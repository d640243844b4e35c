// SPDX-License-Identifier: Apache-2.0
// For how long the calls of a container keep workers, by which it gets more or fewer of them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "kernel/clock.h"

namespace seccompagent {

// For how long calls of a container may be expected to keep a worker.
enum class Pace : std::uint8_t {
  quick,
  // It has not had enough calls yet.
  unknown,
  slow
};

// Of a container, or all of a user: the time for which their calls have kept workers lately,
// whether they compute or wait for its file systems or its memory. Calls that are quick don't
// count, however many there are. What counts is made up for by time. For Listeners to write, with
// its lock held, for all to read.
class WorkerTime {
 public:
  // A worker that serves another call meanwhile notices one that takes longer.
  static constexpr Nanoseconds kLongCall = 2 * kMillisecond;
  // So many quick calls show that a container is quick.
  static constexpr std::uint32_t kProof = 4;
  static constexpr Nanoseconds kMuch = 200 * kMillisecond;
  // It may keep a twentieth of a worker for good.
  static constexpr Nanoseconds kTimesAsLong = 20;
  // Time beyond it is forgotten, so that it is over in ten minutes.
  static constexpr Nanoseconds kMax = 30 * kSecond;

  void note(Nanoseconds took, Nanoseconds time) {
    const Nanoseconds from = std::max(over_at_.load(std::memory_order_relaxed), time);
    over_at_.store(std::min(from + took * kTimesAsLong, time + kMax * kTimesAsLong),
                   std::memory_order_relaxed);
  }
  // A handler has answered a call that took so long. By any thread.
  void note_answer(Nanoseconds took) {
    if (quick_calls_.load(std::memory_order_relaxed) < kProof && took < kLongCall)
      quick_calls_.fetch_add(1, std::memory_order_relaxed);
  }

  // Time that is not made up for.
  [[nodiscard]] Nanoseconds kept(Nanoseconds time) const {
    return std::max<Nanoseconds>(over_at_.load(std::memory_order_relaxed) - time, 0) / kTimesAsLong;
  }
  [[nodiscard]] Pace pace(Nanoseconds kept) const {
    if (kept >= kMuch) return Pace::slow;
    return is_known() ? Pace::quick : Pace::unknown;
  }
  [[nodiscard]] bool is_known() const {
    return quick_calls_.load(std::memory_order_relaxed) >= kProof;
  }

 private:
  // When what it has kept until now has been made up for.
  std::atomic<Nanoseconds> over_at_ = 0;
  std::atomic<std::uint32_t> quick_calls_ = 0;
};

// Components that have used their time up in some container: the last ones, for a while. By their
// digests.
class OverdueComponents {
 public:
  static constexpr std::size_t kMax = 256;
  static constexpr Nanoseconds kRemembered = 600 * kSecond;

  void note(std::string_view component, Nanoseconds time) {
    times_.insert_or_assign(std::string(component), time);
    if (times_.size() <= kMax) return;
    times_.erase(
        std::ranges::min_element(times_, {}, [](const auto& each) { return each.second; }));
  }
  [[nodiscard]] bool has(std::string_view component, Nanoseconds time) const {
    const auto found = times_.find(component);
    return found != times_.end() && time - found->second < kRemembered;
  }

 private:
  std::map<std::string, Nanoseconds, std::less<>> times_;
};

}  // namespace seccompagent
