// SPDX-License-Identifier: Apache-2.0
#include "caller/long_statuses.h"

#include <algorithm>
#include <utility>

#include "caller/process_identity.h"

namespace seccompagent {
namespace {

thread_local Nanoseconds time_of_this_thread = 0;
thread_local std::uint32_t container_of_this_thread = 0;

[[nodiscard]] Nanoseconds later(Nanoseconds until, Nanoseconds by, Nanoseconds time) {
  return std::min(std::max(until, time) + by, time + LongStatuses::kMaxKnown);
}

}  // namespace

LongStatuses& LongStatuses::of_process() {
  static LongStatuses all;
  return all;
}

void LongStatuses::note(pid_t tid, Nanoseconds took) {
  const Nanoseconds counted = std::min(took, kMaxTook);
  time_of_this_thread += counted;
  const auto identity = identity_of_thread(tid);
  const Nanoseconds time = now();
  const std::lock_guard lock(mutex_);
  note_crowd(counted * kTimesAsLong, time);
  if (identity) {
    if (threads_.size() >= kMax) make_room(time);
    over_at_ = later(over_at_, counted * kTimesAsLong, time);
    threads_.insert_or_assign(tid, Known{.identity = *identity, .until = over_at_});
    note_known(over_at_);
  }
}

void LongStatuses::speak_of(std::uint32_t container) { container_of_this_thread = container; }

void LongStatuses::note_crowd(Nanoseconds made_up_for, Nanoseconds time) {
  if (container_of_this_thread == 0) return;
  std::erase_if(crowds_, [time](const auto& entry) { return entry.second.until <= time; });
  if (crowds_.size() >= kMax) return;
  Crowd& crowd = crowds_[container_of_this_thread];
  ++crowd.threads;
  crowd.until = later(crowd.until, made_up_for, time);
  note_known(crowd.until);
}

bool LongStatuses::is_crowd(Nanoseconds time) const {
  const auto found = crowds_.find(container_of_this_thread);
  return found != crowds_.end() && found->second.threads >= kCrowd && found->second.until > time;
}

void LongStatuses::note_known(Nanoseconds until) {
  if (until > known_until_.load(std::memory_order_relaxed))
    known_until_.store(until, std::memory_order_relaxed);
}

void LongStatuses::make_room(Nanoseconds time) {
  std::erase_if(threads_, [time](const auto& entry) { return entry.second.until <= time; });
  if (threads_.size() < kMax) return;
  threads_.erase(
      std::ranges::min_element(threads_, {}, [](const auto& entry) { return entry.second.until; }));
}

bool LongStatuses::has(pid_t tid) {
  const Nanoseconds known_until = known_until_.load(std::memory_order_relaxed);
  if (known_until == 0) return false;
  const Nanoseconds time = now();
  if (known_until <= time) return false;
  Known known = {};
  {
    const std::lock_guard lock(mutex_);
    if (is_crowd(time)) return true;
    const auto found = threads_.find(tid);
    if (found == threads_.end()) return false;
    known = found->second;
    if (known.until <= time) {
      threads_.erase(found);
      return false;
    }
  }
  // its number may be another one's by now
  return identity_of_thread(tid) == known.identity;
}

Nanoseconds LongStatuses::take_time() { return std::exchange(time_of_this_thread, 0); }

}  // namespace seccompagent
