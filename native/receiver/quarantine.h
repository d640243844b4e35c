// SPDX-License-Identifier: Apache-2.0
// The quarantine of handlers, in memory that all threads share. Exceeded deadlines and ended
// workers are counted here, since the main thread may not come to it for long; the host counts all
// other failures.
#pragma once

#include <cstdint>
#include <span>

#include "kernel/border.h"
#include "kernel/clock.h"

namespace seccompagent {

class Quarantine {
 public:
  // Of one handler.
  using State = QuarantineState;

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
