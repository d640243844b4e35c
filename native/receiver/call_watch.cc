// SPDX-License-Identifier: Apache-2.0
#include "receiver/call_watch.h"

#include <algorithm>
#include <utility>

#include "process/child.h"

namespace seccompagent {
namespace {

constexpr Nanoseconds kDefaultDeadline = kSecond;
// All handlers of a call together have as long as the one that has most, and at least so long.
constexpr Nanoseconds kCallDeadline = kSecond;
// A handler that does not compute may wait, though not for ever: for a log that nobody reads.
constexpr Nanoseconds kMaxWallTimes = 10;
// Reading memory takes microseconds, unless the caller has seen to it that it does not.
constexpr Nanoseconds kSlowRead = 20 * kMillisecond;
constexpr Nanoseconds kReadDeadline = kSecond;
// An operation that takes longer holds the worker that does it.
constexpr Nanoseconds kSlowOperation = 100 * kMillisecond;
// Time limits of a worker that acts itself: usually, and where others wait for one.
constexpr Nanoseconds kOperationDeadline = 10 * kSecond;
constexpr Nanoseconds kOperationDeadlineIfNeeded = 3 * kSecond;

}  // namespace

void CallWatch::begin(std::uint32_t link, Nanoseconds cpu) {
  link_ = link;
  cpu_ = cpu;
  call_ = {.cpu_start = cpu};
  handler_ = call_;
  longest_deadline_ = kCallDeadline;
  slowest_ = link;
  slowest_computed_ = 0;
  reading_time_ = 0;
}

// A handler has its deadline, and so have all handlers of a call together: it makes no difference
// to others whether one takes its time or many do. A handler's own time is what it computes: a
// machine that is busy otherwise is not its fault.
void CallWatch::note_handling(const Look& look, Nanoseconds deadline) {
  cpu_ = look.cpu;
  reading_time_ = 0;
  call_.wall_time += look.elapsed;
  handler_.wall_time += look.elapsed;
  // what was computed since the last look is nobody's if there was another handler then
  if (std::exchange(link_, look.link) != look.link) handler_ = {.cpu_start = look.cpu};
  const Nanoseconds computed = look.cpu - handler_.cpu_start;
  if (look.link != 0 && computed >= slowest_computed_) {
    slowest_computed_ = computed;
    slowest_ = look.link;
  }
  deadline_ = deadline == 0 ? kDefaultDeadline : deadline;
  longest_deadline_ = std::max(longest_deadline_, deadline_);
}

bool CallWatch::is_over(bool is_starved) {
  if (exceeds(handler_, cpu_ - handler_.cpu_start, deadline_, is_starved)) return true;
  blamed_ = slowest_;
  return exceeds(call_, computed(), longest_deadline_, is_starved);
}

bool CallWatch::exceeds(const Watched& watched, Nanoseconds computed, Nanoseconds deadline,
                        bool is_starved) {
  // more time than all handlers have is only for as long as nobody else has to wait for it
  const Nanoseconds max = is_starved ? std::min(deadline, kDefaultDeadline) : deadline;
  return computed >= max || watched.wall_time >= kMaxWallTimes * max;
}

CallWatch::Verdict CallWatch::note_reading(Nanoseconds elapsed, bool is_runnable) {
  if (!is_runnable) reading_time_ += std::min(elapsed, kMaxSeen);
  if (reading_time_ < kSlowRead) return Verdict::quick;
  return reading_time_ < kReadDeadline ? Verdict::slow : Verdict::overdue;
}

CallWatch::Verdict CallWatch::note_operation(const Operation& operation) {
  const bool is_new = std::exchange(operation_, operation.start) != operation.start;
  if (is_new || operation.is_awaiting) own_time_ = 0;
  if (operation.is_waiting)
    own_time_ = std::min(own_time_ + std::min(operation.elapsed, kMaxSeen), operation.age);
  if (own_time_ < kSlowOperation) return Verdict::quick;
  const Nanoseconds max = operation.is_starved ? kOperationDeadlineIfNeeded : kOperationDeadline;
  const bool is_overdue = own_time_ >= max || operation.age >= max + TimeTaken::kMaxUnscheduled;
  return is_overdue ? Verdict::overdue : Verdict::slow;
}

}  // namespace seccompagent
