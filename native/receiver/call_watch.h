// SPDX-License-Identifier: Apache-2.0
// The time that one worker's call takes, by the looks of the watchdog, and its deadlines.
#pragma once

#include <cstdint>

#include "kernel/clock.h"

namespace seccompagent {

// Time counts from the first look that sees a call, or a handler. Of one thread.
class CallWatch {
 public:
  // Most time that one look may stand for: the watchdog may have waited for a processor, too.
  static constexpr Nanoseconds kMaxSeen = 20 * kMillisecond;

  // Findings of a look.
  struct Look {
    // The handler: 1 + its place in the chain; 0: none.
    std::uint32_t link;
    // The worker's processor time.
    Nanoseconds cpu;
    // Since the look before.
    Nanoseconds elapsed;
  };
  // Slow: the worker is held.
  enum class Verdict : std::uint8_t { quick, slow, overdue };

  // A call that was not seen before, or none.
  void begin(std::uint32_t link, Nanoseconds cpu);

  // A handler has the call; it may take so long.
  void note_handling(const Look& look, Nanoseconds deadline);
  // Computing time of the call since it was first seen.
  [[nodiscard]] Nanoseconds computed() const { return cpu_ - call_.cpu_start; }
  // Whether the handler has exceeded its deadline, or all handlers together that of the call.
  // `is_starved`: calls of others wait, and nobody is left to take them.
  [[nodiscard]] bool is_over(bool is_starved);

  // The caller's memory is read; what the thread runs, or waits for a processor, is not the
  // caller's doing.
  [[nodiscard]] Verdict note_reading(Nanoseconds elapsed, bool is_runnable);

  // An operation, which began at `start`. `is_waiting`: the worker's own thread waits.
  // `is_awaiting`: a helper acts, which has a deadline of its own.
  struct Operation {
    Nanoseconds start;
    Nanoseconds age;
    Nanoseconds elapsed;
    bool is_waiting;
    bool is_awaiting;
    bool is_starved;
  };
  [[nodiscard]] Verdict note_operation(const Operation& operation);

  // The handler at fault where the call takes too long.
  [[nodiscard]] std::uint32_t blamed() const { return blamed_; }
  void blame(std::uint32_t link) { blamed_ = link; }

 private:
  // A call, or one of its handlers.
  struct Watched {
    // Of the worker's processor time when it was first seen.
    Nanoseconds cpu_start = 0;
    Nanoseconds wall_time = 0;
  };
  [[nodiscard]] static bool exceeds(const Watched& watched, Nanoseconds computed,
                                    Nanoseconds deadline, bool is_starved);

  std::uint32_t link_ = 0;
  Nanoseconds cpu_ = 0;
  Watched call_;
  Watched handler_;
  // Of the handler, and the longest one of the call's handlers until now.
  Nanoseconds deadline_ = 0;
  Nanoseconds longest_deadline_ = 0;
  // The handler that has computed most.
  std::uint32_t slowest_ = 0;
  Nanoseconds slowest_computed_ = 0;
  std::uint32_t blamed_ = 0;
  Nanoseconds reading_time_ = 0;
  // The operation, and for how long it has kept the worker's own thread waiting.
  Nanoseconds operation_ = 0;
  Nanoseconds own_time_ = 0;
};

}  // namespace seccompagent
