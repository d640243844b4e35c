// SPDX-License-Identifier: Apache-2.0
// Time for which the calls of a container keep workers, by which it gets more or fewer of them.
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

// Time for which calls of a container may be expected to keep a worker, the shortest first.
enum class Pace : std::uint8_t {
  quick,
  // It has not had enough calls yet.
  unknown,
  // It has kept workers within the last minutes.
  doubtful,
  slow
};
inline constexpr std::size_t kPaces = 4;

// Time for which workers were kept, which is made up for by `times_as_long` of it.
template <Nanoseconds times_as_long>
class KeptTime {
 public:
  // Time that takes longer to make up for is forgotten.
  static constexpr Nanoseconds kMax = 600 * kSecond;

  void note(Nanoseconds took, Nanoseconds time) {
    const Nanoseconds from = std::max(over_at_.load(std::memory_order_relaxed), time);
    over_at_.store(std::min(from + took * times_as_long, time + kMax), std::memory_order_relaxed);
  }
  // Time that is not made up for.
  [[nodiscard]] Nanoseconds at(Nanoseconds time) const {
    return std::max<Nanoseconds>(over_at_.load(std::memory_order_relaxed) - time, 0) /
           times_as_long;
  }
  [[nodiscard]] bool is_at_least(Nanoseconds kept, Nanoseconds time) const {
    return over_at_.load(std::memory_order_relaxed) - time >= kept * times_as_long;
  }

 private:
  // When what it has kept until now has been made up for.
  std::atomic<Nanoseconds> over_at_ = 0;
};

// Of a container, or all of a sender: the time for which their calls have kept workers, whether
// they compute or wait for its file systems or its memory. Calls that are quick don't count,
// however many there are. For Listeners to write, with its lock held, for all to read.
class WorkerTime {
 public:
  // A worker that serves another call meanwhile notices one that takes longer.
  static constexpr Nanoseconds kLongCall = 2 * kMillisecond;
  // A call that takes longer keeps its worker, whatever was known of its container.
  static constexpr Nanoseconds kVeryLongCall = 20 * kMillisecond;
  // So many quick calls show that a container is quick.
  static constexpr std::uint32_t kProof = 4;
  static constexpr Nanoseconds kMuch = 200 * kMillisecond;
  // Parts of a worker that it may keep for good, without being slow, and without being so at times.
  static constexpr Nanoseconds kTimesAsLong = 20;
  static constexpr Nanoseconds kTimesAsLongAtTimes = 1000;

  void note(Nanoseconds took, Nanoseconds time) {
    lately_.note(took, time);
    at_times_.note(took, time);
  }
  // It is taken to have kept workers for so long, and has to show that it does not.
  void suspect(Nanoseconds took, Nanoseconds time) { lately_.note(took, time); }
  // A handler has answered a call that took so long. By any thread.
  void note_answer(Nanoseconds took) {
    if (quick_calls_.load(std::memory_order_relaxed) < kProof && took < kLongCall)
      quick_calls_.fetch_add(1, std::memory_order_relaxed);
  }

  [[nodiscard]] Nanoseconds kept(Nanoseconds time) const { return lately_.at(time); }
  [[nodiscard]] bool is_slow(Nanoseconds time) const { return lately_.is_at_least(kMuch, time); }
  // Many containers may each be slow for so small a part of the time that none of them is.
  [[nodiscard]] bool is_slow_at_times(Nanoseconds time) const {
    return at_times_.is_at_least(kMuch, time);
  }
  [[nodiscard]] bool is_known() const {
    return quick_calls_.load(std::memory_order_relaxed) >= kProof;
  }
  [[nodiscard]] Pace pace(Nanoseconds time) const {
    if (is_slow(time)) return Pace::slow;
    if (is_slow_at_times(time)) return Pace::doubtful;
    return is_known() ? Pace::quick : Pace::unknown;
  }

 private:
  KeptTime<kTimesAsLong> lately_;
  KeptTime<kTimesAsLongAtTimes> at_times_;
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
