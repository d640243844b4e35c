// SPDX-License-Identifier: Apache-2.0
// Late answers: a timer in the epoll set, see timerfd_create(2), and whoever reads there sends what
// is due. No thread waits for any of them.
#include <sys/timerfd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "caller/caller_state.h"
#include "receiver/receiver.h"

namespace seccompagent {
namespace {

// At once; the timer goes off again for the rest, so that receiving does not wait for all of them.
constexpr std::size_t kBatch = 64;
// Looking for signals takes longer than the answer: with more than these due at once it is left.
constexpr std::size_t kFew = 8;

}  // namespace

void Receiver::add_late(LateAnswer late) {
  const std::lock_guard lock(late_mutex_);
  const bool is_next = late_.empty() || late.due < late_.begin()->first;
  late_.emplace(late.due, std::move(late));
  if (late_.size() >= late_to_look_) drop_forgotten_late();
  if (is_next) arm_late_timer();
}

// Calls that are taken back, and containers that end, leave theirs behind. So there are never more
// than twice as many as calls that wait, but for a few. With the lock of late answers held.
void Receiver::drop_forgotten_late() {
  const Nanoseconds soon = now() + kSignalTime;
  std::erase_if(late_, [soon](const auto& entry) {
    const auto& [due, late] = entry;
    const auto listener = late.listener.lock();
    return !listener || (due > soon && !listener->kept.is_due_at(late.tid, due));
  });
  late_to_look_ = std::max(kFewLate, 2 * late_.size());
}

// As if an answer were due.
void Receiver::wake_reader() {
  const std::lock_guard lock(late_mutex_);
  is_reader_called_ = true;
  arm_late_timer();
}

// With the lock of late answers held.
void Receiver::arm_late_timer() {
  // an expired timer stays readable until it is set anew; no time at all disarms it
  itimerspec timer = {};
  if (is_reader_called_ || !late_.empty()) {
    const Nanoseconds due = is_reader_called_ ? 1 : std::max<Nanoseconds>(late_.begin()->first, 1);
    timer.it_value = {.tv_sec = due / kSecond, .tv_nsec = due % kSecond};
  }
  timerfd_settime(late_timer_.get(), TFD_TIMER_ABSTIME, &timer, nullptr);
}

void Receiver::send_late(NotifyBuffers& buffers, Nanoseconds time) {
  const bool is_last = time == std::numeric_limits<Nanoseconds>::max();
  std::vector<LateAnswer> due;
  bool are_few = false;
  {
    const std::lock_guard lock(late_mutex_);
    while (!late_.empty() && late_.begin()->first <= time && (is_last || due.size() < kBatch)) {
      due.push_back(std::move(late_.begin()->second));
      late_.erase(late_.begin());
    }
    are_few = due.size() <= kFew;
    is_reader_called_ = false;
    arm_late_timer();
  }
  for (const LateAnswer& late : due) {
    const auto listener = late.listener.lock();
    if (!listener) continue;
    // An answer that meets a signal is lost without a word, so the signal gets a little time to
    // take the call back. It may also be one that the call does not stop for.
    if (are_few && !late.is_second_try && CallerState(late.tid).has_pending_signal()) {
      add_late({.due = now() + kSignalTime,
                .listener = late.listener,
                .tid = late.tid,
                .is_second_try = true});
      continue;
    }
    listener->kept.answer_due(
        late.tid, time, listener->keeps_lost_until(),
        [&](std::uint64_t id, const Response& response) {
          return buffers.respond(listener->fd.get(), id, response).has_value();
        });
  }
}

}  // namespace seccompagent
