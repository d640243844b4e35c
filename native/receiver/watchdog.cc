// SPDX-License-Identifier: Apache-2.0
// The watchdog: a thread of our own that looks at the workers, and ends calls that take too long.
#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "caller/caller_state.h"
#include "kernel/interrupt_signal.h"
#include "kernel/scheduling.h"
#include "process/child.h"
#include "receiver/receiver.h"

namespace seccompagent {
namespace {

// While calls are handled: how often the workers are looked at.
constexpr Nanoseconds kTick = 4 * kMillisecond;
// Time in RECV, where nobody waits, after which the reader is taken for one that does.
constexpr Nanoseconds kFirstLook = kMillisecond;
// Time that the end of a worker and the start of the next one take, about.
constexpr Nanoseconds kEndOfWorker = WorkerTime::kMuch;
// For a caller that is gone, handlers compute no longer.
constexpr Nanoseconds kComputingForNobody = 500 * kMillisecond;
// As where a helper was given up: the handler may be without fault.
constexpr Response kFileSystemTimedOut = {.value = 0, .error = -ETIMEDOUT, .is_continue = false};

}  // namespace

void Receiver::wake_watcher() {
  if (is_watcher_asleep_.exchange(false)) watcher_wake_.release();
}

void Receiver::mark_blocked(Place& place) {
  if (place.is_blocked.load(std::memory_order_relaxed)) return;
  // counted first: whoever ends it takes away no more than was counted
  blocked_count_.fetch_add(1);
  if (place.is_blocked.exchange(true)) blocked_count_.fetch_sub(1);
}

// A tick costs whoever is interrupted by it, so there are few, and none while nothing happens.
void Receiver::watch_workers() {
  constexpr int kQuietTicks = 50;
  if (!become_real_time(0)) shorten_slice(0);
  NotifyBuffers buffers(sizes_);
  Nanoseconds before = now();
  std::uint64_t reads_before = 0;
  int quiet_ticks = 0;
  while (!is_closing_.load()) {
    if (quiet_ticks >= kQuietTicks) {
      quiet_ticks = 0;
      CallerState::close_kept();
      is_watcher_asleep_.store(true);
      // A thread that receives from here on sees that we sleep, or did so just now: then the first
      // wait ends by itself.
      const bool is_woken = watcher_wake_.try_acquire_for(std::chrono::milliseconds(20));
      if (!is_woken && is_idle() && !is_closing_.load()) watcher_wake_.acquire();
      is_watcher_asleep_.store(false);
      before = now();
      computed_at_ = 0;
      set_fallback_priority(before);
    }
    pause_for(kTick);
    const Nanoseconds time = now();
    bool is_busy = false;
    std::vector<std::size_t> overdue;
    {
      const std::lock_guard lock(mutex_);
      const std::size_t used = places_used_.load();
      for (std::size_t index = 0; index < used; ++index) {
        Place& place = places_[index];
        if (place.worker == nullptr) continue;
        is_busy = is_busy || place.phase.load() != Phase::idle;
        is_busy = watch_exclusive(place) || is_busy;
        place.is_overdue = watch_place(index, time - before);
        if (place.is_overdue) overdue.push_back(index);
      }
    }
    is_busy = watch_receiving() || is_busy;
    set_fallback_priority(time);
    for (const std::size_t index : overdue) end_overdue(index, buffers);
    if (queued_count_.load() > 0) {
      is_busy = true;
      end_stale_queued(buffers);
    } else {
      is_starved_.store(false);
    }
    const std::uint64_t reads = reads_.load();
    // a handler computes for long, and nobody knew that it would
    if (is_busy && reads == reads_before && !is_stopping_.load()) wake_another();
    quiet_ticks = !is_busy && reads == reads_before ? quiet_ticks + 1 : 0;
    reads_before = reads;
    before = time;
  }
}

// Whether the reader is in RECV; has it leave that where it waits.
bool Receiver::watch_receiving() {
  const std::uint64_t receiving = receiving_.load(std::memory_order_acquire);
  if (receiving == 0) return false;
  const pid_t thread = receiving_thread_.load(std::memory_order_relaxed);
  const auto waits = [&] {
    return (is_asleep(thread) || is_uninterruptible(thread)) &&
           receiving_.load(std::memory_order_acquire) == receiving;
  };
  if (!waits()) return true;
  // an agent that was frozen looks so as well, until all of its threads have gone on
  pause_for(kFirstLook);
  if (!waits()) return true;
  if (is_uninterruptible(thread)) {
    replace_reader(receiving);
    return true;
  }
  if (const auto listener = listeners_.find(static_cast<std::uint32_t>(receiving)))
    listener->is_shared.store(true);
  interrupt_thread(thread);
  return true;
}

// Whether everybody waits for calls.
bool Receiver::is_idle() const {
  return has_reader_.load() && receiving_.load() == 0 &&
         std::ranges::all_of(used_places(), [](const Place& place) {
           return place.phase.load() == Phase::idle && place.exclusive.load() == 0;
         });
}

// Whether a worker's call has taken too long; with the mutex held. Time counts from the first tick
// that sees a call, or a handler.
bool Receiver::watch_place(std::size_t index, Nanoseconds elapsed) {
  Place& place = places_[index];
  const Phase phase = place.phase.load();
  const std::uint32_t calls = place.calls.load();
  const std::uint32_t link = std::atomic_ref(place.inbox->link).load(std::memory_order_relaxed);
  const bool is_idle = phase == Phase::idle;
  // a call that has been received and not begun has the number already
  const bool was_idle = std::exchange(place.was_idle, is_idle);
  const bool is_same = std::exchange(place.seen_calls, calls) == calls && !was_idle;
  if (!is_same || is_idle) {
    place.kept_time = 0;
    if (!is_idle) note_worker_time(place, elapsed, false);
    place.watch.begin(link, place.seen_cpu);
    return false;
  }
  mark_blocked(place);
  note_worker_time(place, elapsed, true);
  // it may have answered just now, and would be taken for blocked until its next answer
  if (place.phase.load() == Phase::idle) unmark_blocked(place);
  // whether it ends or not: nobody else is to rely on being quick
  if (phase == Phase::operating) operation_trust_.note(elapsed, now());
  const std::uint64_t key = place.key.load();
  if (key == 0 || (key & CallKey::kOverdue) != 0) return false;
  place.watch.blame(link);
  if (phase == Phase::reading) return watch_reading(place, elapsed);
  if (phase == Phase::awaiting_read) return false;
  // operations have deadlines of their own
  if (phase == Phase::operating) return watch_operation(place, elapsed);
  return watch_handling(place, elapsed);
}

// The time that a call keeps its worker counts for its container and its sender; its wait for a
// processor does not, which is nobody's doing. With the mutex held.
void Receiver::note_worker_time(Place& place, Nanoseconds elapsed, bool is_same) {
  const Nanoseconds cpu = place.cpu_time();
  const Nanoseconds before = std::exchange(place.seen_cpu, cpu);
  const Nanoseconds time = now();
  const Nanoseconds age = time - place.begun.load(std::memory_order_relaxed);
  if (age < WorkerTime::kLongCall) return;
  const Nanoseconds computed = is_same ? std::min(cpu - before, elapsed) : 0;
  const Nanoseconds seen = std::min({elapsed, age, CallWatch::kMaxSeen});
  const bool is_waiting =
      computed < seen / 2 && (place.is_awaiting.load() || !is_runnable(place.tid));
  const Nanoseconds kept = is_waiting ? seen : computed;
  place.kept_time += kept;
  // also for a container that is gone
  const auto listener =
      listeners_.note_kept(place.sender.load(), CallKey::token_of(place.key.load()), kept, time);
  const bool is_slow = listener && listener->container->worker_time.is_slow(time);
  if (is_slow || place.kept_time >= WorkerTime::kVeryLongCall) place.pace.store(Pace::slow);
}

bool Receiver::watch_handling(Place& place, Nanoseconds elapsed) {
  CallWatch& watch = place.watch;
  const std::uint32_t deadline =
      std::atomic_ref(place.inbox->deadline).load(std::memory_order_relaxed);
  watch.note_handling({.link = watch.blamed(), .cpu = place.seen_cpu, .elapsed = elapsed},
                      deadline * kMillisecond);
  const Nanoseconds computed = watch.computed();
  if (computed >= kTick / 2) computed_at_ = now();
  if (computed >= kComputingForNobody && !listeners_.find(CallKey::token_of(place.key.load())))
    return true;
  return watch.is_over(is_starved_.load());
}

void Receiver::note_held(Place& place) {
  Place::Hold before = Place::Hold::none;
  if (place.hold.load(std::memory_order_relaxed) != before) return;
  held_count_.fetch_add(1);
  if (!place.hold.compare_exchange_strong(before, Place::Hold::held)) held_count_.fetch_sub(1);
}

// Workers that one container loses are not taken from the others. With the mutex held.
void Receiver::note_lost(Place& place, const std::shared_ptr<Listener>& listener) {
  Place::Hold before = Place::Hold::held;
  lost_count_.fetch_add(1);
  if (!place.hold.compare_exchange_strong(before, Place::Hold::lost)) {
    lost_count_.fetch_sub(1);
    return;
  }
  held_count_.fetch_sub(1);
  // of one that has ended, the sender's next one begins where it has left off
  place.lost_for = listener ? listener->container : listeners_.ended_container(place.sender.load());
  place.lost_for->note_lost_worker();
}

// From the second slow read of a container on, children read its memory, which can be killed; and
// where too many workers are held by such reads, children read all memory.
bool Receiver::watch_reading(Place& place, Nanoseconds elapsed) {
  const auto verdict = place.watch.note_reading(elapsed, is_runnable(place.tid));
  if (verdict == CallWatch::Verdict::quick) return false;
  note_held(place);
  if (const auto listener = listeners_.find(CallKey::token_of(place.key.load())))
    listener->container->slow_reads.note_slow();
  return verdict == CallWatch::Verdict::overdue;
}

// A helper can be ended and has its own deadline; a worker that acts itself, or looks at the
// caller, is given up. What it waits for a processor does not count.
bool Receiver::watch_operation(Place& place, Nanoseconds elapsed) {
  const bool is_awaiting = place.is_awaiting.load();
  const auto verdict =
      place.watch.note_operation({.start = place.operation_start.load(),
                                  .age = place.operation_age(),
                                  .elapsed = elapsed,
                                  .is_waiting = !is_awaiting && !is_runnable(place.tid),
                                  .is_awaiting = is_awaiting,
                                  .is_starved = is_starved_.load()});
  if (verdict != CallWatch::Verdict::quick) note_held(place);
  return verdict == CallWatch::Verdict::overdue;
}

// Answers for a worker that does not, and has it ended.
void Receiver::end_overdue(std::size_t index, NotifyBuffers& buffers) {
  Place& place = places_[index];
  std::shared_ptr<Listener> listener;
  std::uint64_t id = 0;
  bool is_acting = false;
  std::int32_t failure = 0;
  {
    const std::lock_guard lock(mutex_);
    const bool is_overdue = std::exchange(place.is_overdue, false);
    if (place.worker == nullptr || !is_overdue || !place.mark_overdue()) return;
    const std::uint32_t token = CallKey::token_of(place.key.load());
    // however short its time was: another worker has to be started
    listener = listeners_.note_kept(place.sender.load(), token, kEndOfWorker, now());
    id = place.parked ? place.parked->notification.id : place.id.load();
    if (place.parked) withdrawn_count_.fetch_add(1);
    place.parked.reset();
    const Phase phase = place.phase.load();
    is_acting = phase == Phase::operating;
    // whose memory is not read in time is nobody else's fault
    const std::uint32_t link = phase == Phase::reading ? 0 : place.watch.blamed();
    failure = place.failure.load();
    // it may take long to die, and another one takes its place now
    if (std::exchange(place.is_counted, false)) worker_count_.fetch_sub(1);
    note_lost(place, listener);
    // the worker takes no other terms before it has had the mutex
    listeners_.report_overdue(*place.terms.load(), is_acting ? 0 : link, place.sender.load(),
                              {.kind = ReceiverEvent::Kind::overdue,
                               .token = token,
                               .worker = place.worker_id,
                               .link = is_acting ? kActingLink : link});
    parked_.notify_all();
    call_worker();
  }
  // ENOENT: the worker was quicker, or the caller is gone
  if (!listener) return;
  const Response response =
      is_acting ? kFileSystemTimedOut
                : Response{.value = 0, .error = failure, .is_continue = failure == 0};
  answer_soon(buffers, listener, id, response);
}

}  // namespace seccompagent
