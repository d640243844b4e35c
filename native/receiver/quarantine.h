// SPDX-License-Identifier: Apache-2.0
// Handlers that are left alone for a while, in memory that all threads share: quarantine.ts has the
// same layout, and counts all other failures. What has used its time up, or ended its worker, is
// counted here, since the main thread may not come to it for long.
#pragma once

#include <cstdint>
#include <span>

#include "kernel/clock.h"

namespace seccompagent {

class Quarantine {
 public:
  // Of one handler.
  struct State {
    std::int32_t level;
    std::int32_t back_off_ms;
    std::int32_t is_tried;
    std::int32_t unused;
  };

  Quarantine() = default;
  // `ends`: of each in milliseconds; both outlive it.
  Quarantine(std::span<State> states, std::span<std::int64_t> ends)
      : states_(states), ends_(ends) {}

  // A handler has used its time up: that alone is enough. For how many milliseconds it is left
  // alone from now on; 0: it is so already, or there is no such one.
  std::uint32_t note_overdue(std::int32_t handler, Nanoseconds time);
  // A worker has ended within a handler: one failure of it.
  std::uint32_t note_broken(std::int32_t handler, Nanoseconds time);

 private:
  std::uint32_t note(std::int32_t handler, Nanoseconds time, std::int32_t weight);

  std::span<State> states_;
  std::span<std::int64_t> ends_;
};

}  // namespace seccompagent
