// SPDX-License-Identifier: Apache-2.0
#include "receiver/late_answers.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "caller/proc_text.h"
#include "kernel/listener_guard.h"
#include "process/patient_answers.h"

namespace seccompagent {
namespace {

// At once; the timer goes off again for the rest, so that who adds one does not wait for all.
constexpr std::size_t kBatch = 64;
// The look at a caller takes longer than the answer: with more than these due at once it is left,
// so that the others' answers do not wait for it.
constexpr std::size_t kFew = 8;

// False: the listener is held.
[[nodiscard]] bool try_to_send(Listener& listener, pid_t tid, NotifyBuffers& buffers,
                               Nanoseconds time) {
  bool is_held = false;
  listener.kept.answer_due(
      tid, time, listener.keeps_lost_until(), [&](std::uint64_t id, const Response& response) {
        const ListenerGuard::Asking asking;
        const Arrival arrival = buffers.try_to_respond(listener.fd.get(), id, response);
        is_held = arrival == Arrival::held;
        return arrival;
      });
  return !is_held;
}

}  // namespace

Result<void> LateAnswers::open() {
  timer_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  if (!timer_.is_open()) return fail_errno();
  return {};
}

bool LateAnswers::add(LateAnswer late) {
  const std::lock_guard lock(mutex_);
  if (is_closed_) return false;
  const bool is_next = late_.empty() || late.due < late_.begin()->first;
  late_.emplace(late.due, std::move(late));
  if (late_.size() >= late_to_look_) drop_forgotten();
  if (is_next) arm();
  return true;
}

// Calls that are taken back, and containers that end, leave theirs behind. So there are never more
// than twice as many as calls that wait, but for a few. With the lock held.
void LateAnswers::drop_forgotten() {
  const Nanoseconds soon = now() + kSignalTime;
  std::erase_if(late_, [soon](const auto& entry) {
    const auto& [due, late] = entry;
    const auto listener = late.listener.lock();
    return !listener || (due > soon && !listener->kept.is_due_at(late.tid, due));
  });
  late_to_look_ = std::max(kFewLate, 2 * late_.size());
}

void LateAnswers::run(NotifyBuffers& buffers) {
  for (;;) {
    std::uint64_t times = 0;
    (void)retry_eintr([&] { return read(timer_.get(), &times, sizeof times); });
    {
      const std::lock_guard lock(mutex_);
      if (is_closed_) return;
    }
    send_due(buffers, now());
  }
}

std::size_t LateAnswers::planned() const {
  const std::lock_guard lock(mutex_);
  return late_.size();
}

// With the lock held.
void LateAnswers::arm() {
  // no time at all disarms it
  itimerspec timer = {};
  if (is_closed_ || !late_.empty()) {
    const Nanoseconds due = is_closed_ ? 1 : std::max<Nanoseconds>(late_.begin()->first, 1);
    timer.it_value = {.tv_sec = due / kSecond, .tv_nsec = due % kSecond};
  }
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &timer, nullptr);
}

std::vector<LateAnswer> LateAnswers::take_due(Nanoseconds time, Take take) {
  std::vector<LateAnswer> due;
  const std::lock_guard lock(mutex_);
  is_closed_ = is_closed_ || take == Take::all;
  const std::size_t max = take == Take::all ? late_.size() : kBatch;
  while (!late_.empty() && late_.begin()->first <= time && due.size() < max) {
    due.push_back(std::move(late_.begin()->second));
    late_.erase(late_.begin());
  }
  arm();
  return due;
}

void LateAnswers::send_due(NotifyBuffers& buffers, Nanoseconds time) {
  const auto due = take_due(time, Take::some);
  const bool are_few = due.size() <= kFew;
  std::set<std::shared_ptr<Listener>> held;
  for (const LateAnswer& late : due) {
    // An answer that meets a signal is lost without a word, so a signal that has woken the caller
    // gets a little time to take the call back. Whoever has not run since the call came gets its
    // answer whatever wakes it. Nothing else of the caller's state is looked at: how long that
    // takes is for the caller to choose.
    const bool may_meet_signal = are_few && !late.is_second_try && !late.listener.expired() &&
                                 (!late.turns || turns_of_thread(late.tid) != late.turns);
    if (may_meet_signal && add({.due = now() + kSignalTime,
                                .listener = late.listener,
                                .tid = late.tid,
                                .is_second_try = true})) {
      continue;
    }
    send(late, buffers, time, held);
  }
}

void LateAnswers::send_all(NotifyBuffers& buffers) {
  constexpr Nanoseconds kEver = std::numeric_limits<Nanoseconds>::max();
  std::set<std::shared_ptr<Listener>> held;
  for (const LateAnswer& late : take_due(kEver, Take::all)) send(late, buffers, kEver, held);
}

// `held`: listeners that one was tried at in vain.
void LateAnswers::send(const LateAnswer& late, NotifyBuffers& buffers, Nanoseconds time,
                       std::set<std::shared_ptr<Listener>>& held) {
  auto listener = late.listener.lock();
  if (!listener) return;
  if (!held.contains(listener) && try_to_send(*listener, late.tid, buffers, time)) return;
  held.insert(listener);
  const int fd = listener->fd.get();
  PatientAnswers::of_process().add(
      fd, [listener = std::move(listener), tid = late.tid, time, buffers]() mutable {
        return try_to_send(*listener, tid, buffers, time);
      });
}

}  // namespace seccompagent
