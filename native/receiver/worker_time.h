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

// For how long calls of a container may be expected to keep a worker, the shortest first.
enum class Pace : std::uint8_t {
  quick,
  // It has not had enough calls yet, or others of its sender keep workers.
  unknown,
  // Both, or it has kept workers itself within the last ten minutes.
  doubtful,
  slow
};
inline constexpr std::size_t kPaces = 4;

// For how long workers were kept, which is made up for by `times_as_long` the time.
template <Nanoseconds times_as_long>
class KeptTime {
 public:
  // What would take longer to make up for is forgotten.
  static constexpr Nanoseconds kMost = 600 * kSecond;

  void note(Nanoseconds took, Nanoseconds time) {
    const Nanoseconds from = std::max(over_at_.load(std::memory_order_relaxed), time);
    over_at_.store(std::min(from + took * times_as_long, time + kMost), std::memory_order_relaxed);
  }
  // What is not made up for.
  [[nodiscard]] Nanoseconds at(Nanoseconds time) const {
    return std::max<Nanoseconds>(over_at_.load(std::memory_order_relaxed) - time, 0) / times_as_long;
  }
  [[nodiscard]] bool is_at_least(Nanoseconds kept, Nanoseconds time) const {
    return over_at_.load(std::memory_order_relaxed) - time >= kept * times_as_long;
  }

 private:
  // When what was kept until now has been made up for.
  std::atomic<Nanoseconds> over_at_ = 0;
};

// Of a container, or all of a sender: the time for which their calls have kept workers, whether
// they compute or wait for its file systems or its memory. Calls that are quick don't count,
// however many there are. For the receiver to write, with its mutex held, for all to read.
class WorkerTime {
 public:
  // Who serves another call meanwhile notices a call that takes longer.
  static constexpr Nanoseconds kLongCall = 2 * kMillisecond;
  // Who has one that takes longer is one of those that keep workers, whatever was known of him.
  static constexpr Nanoseconds kVeryLongCall = 20 * kMillisecond;
  // So many quick calls show that a container is quick.
  static constexpr std::uint32_t kProof = 8;
  static constexpr Nanoseconds kMuch = 200 * kMillisecond;

  void note(Nanoseconds took, Nanoseconds time) {
    lately_.note(took, time);
    for_good_.note(took, time);
  }
  // It is taken to have kept workers for so long, and has to show that it does not.
  void suspect(Nanoseconds took, Nanoseconds time) { lately_.note(took, time); }
  // A handler has answered a call that took so long. By any thread.
  void note_answer(Nanoseconds took) {
    if (quick_calls_.load(std::memory_order_relaxed) < kProof && took < kLongCall)
      quick_calls_.fetch_add(1, std::memory_order_relaxed);
  }

  [[nodiscard]] Nanoseconds kept_lately(Nanoseconds time) const { return lately_.at(time); }
  [[nodiscard]] bool is_slow(Nanoseconds time) const { return lately_.is_at_least(kMuch, time); }
  // Many containers may each be slow for so small a part of the time that none of them is for long.
  [[nodiscard]] bool is_slow_at_times(Nanoseconds time) const {
    return for_good_.is_at_least(kMuch, time);
  }
  [[nodiscard]] bool is_known() const {
    return quick_calls_.load(std::memory_order_relaxed) >= kProof;
  }

 private:
  // More than a twentieth of a worker.
  KeptTime<20> lately_;
  // More than a thousandth of one.
  KeptTime<1000> for_good_;
  std::atomic<std::uint32_t> quick_calls_ = 0;
};

// Components that have used their time up in some container: the last ones, for a while. By their
// digests.
class OverdueComponents {
 public:
  static constexpr std::size_t kMost = 256;
  static constexpr Nanoseconds kRemembered = 600 * kSecond;

  void note(std::string_view component, Nanoseconds time) {
    times_.insert_or_assign(std::string(component), time);
    if (times_.size() <= kMost) return;
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
