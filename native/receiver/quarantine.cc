// SPDX-License-Identifier: Apache-2.0
#include "receiver/quarantine.h"

#include <algorithm>
#include <atomic>

namespace seccompagent {

std::uint32_t Quarantine::note_overdue(std::int32_t handler, Nanoseconds time) {
  return note(handler, time, kQuarantineLevel);
}

std::uint32_t Quarantine::note_broken(std::int32_t handler, Nanoseconds time) {
  return note(handler, time, kFailureWeight);
}

std::uint32_t Quarantine::note(std::int32_t handler, Nanoseconds time, std::int32_t weight) {
  const auto index = static_cast<std::size_t>(handler);
  if (handler < 0 || index >= std::min(states_.size(), ends_.size())) return 0;
  State& state = states_[index];
  const std::atomic_ref end(ends_[index]);
  const std::int64_t time_ms = time / kMillisecond;
  if (std::atomic_ref(state.level).fetch_add(weight) + weight < kQuarantineLevel) return 0;
  const bool has_tried = std::atomic_ref(state.is_tried).exchange(0) != 0;
  // others that were asked before it began fail too
  if (!has_tried && time_ms < end.load()) return 0;
  const std::atomic_ref back_off(state.back_off_ms);
  const std::int32_t before = back_off.load();
  const std::int32_t next = before == 0 ? kFirstBackOffMs : std::min(2 * before, kMaxBackOffMs);
  back_off.store(next);
  end.store(time_ms + next);
  return static_cast<std::uint32_t>(next);
}

}  // namespace seccompagent
