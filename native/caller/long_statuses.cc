// SPDX-License-Identifier: Apache-2.0
#include "caller/long_statuses.h"

#include <algorithm>
#include <utility>

#include "caller/process_identity.h"

namespace seccompagent {
namespace {

thread_local Nanoseconds time_of_this_thread = 0;

}  // namespace

LongStatuses& LongStatuses::of_process() {
  static LongStatuses all;
  return all;
}

void LongStatuses::note(pid_t tid, Nanoseconds took) {
  const Nanoseconds counted = std::min(took, kMaxTook);
  time_of_this_thread += counted;
  const auto identity = identity_of_thread(tid);
  if (!identity) return;
  const Nanoseconds time = now();
  const std::lock_guard lock(mutex_);
  if (threads_.size() >= kMax) make_room(time);
  over_at_ = std::min(std::max(over_at_, time) + counted * kTimesAsLong, time + kMaxKnown);
  threads_.insert_or_assign(tid, Known{.identity = *identity, .until = over_at_});
  count_.store(threads_.size(), std::memory_order_relaxed);
}

// With the lock held.
void LongStatuses::make_room(Nanoseconds time) {
  std::erase_if(threads_, [time](const auto& entry) { return entry.second.until <= time; });
  if (threads_.size() < kMax) return;
  threads_.erase(
      std::ranges::min_element(threads_, {}, [](const auto& entry) { return entry.second.until; }));
}

bool LongStatuses::has(pid_t tid) {
  if (count_.load(std::memory_order_relaxed) == 0) return false;
  Known known = {};
  {
    const std::lock_guard lock(mutex_);
    const auto found = threads_.find(tid);
    if (found == threads_.end()) return false;
    known = found->second;
    if (known.until <= now()) {
      threads_.erase(found);
      count_.store(threads_.size(), std::memory_order_relaxed);
      return false;
    }
  }
  // its number may be another one's by now
  return identity_of_thread(tid) == known.identity;
}

Nanoseconds LongStatuses::take_time() { return std::exchange(time_of_this_thread, 0); }

}  // namespace seccompagent
