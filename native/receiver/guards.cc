// SPDX-License-Identifier: Apache-2.0
// The two threads of a receiver's own: one receives when no worker does, one watches deadlines.
#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

#include "caller/caller_state.h"
#include "kernel/interrupt_signal.h"
#include "kernel/short_turns.h"
#include "receiver/receiver.h"
#include "receiver/worker.h"

namespace seccompagent {
namespace {

// While calls are handled: how often the workers are looked at.
constexpr Nanoseconds kTick = 4 * kMillisecond;
// What one look at a worker may stand for: who looks may have waited for a processor, too.
constexpr Nanoseconds kMaxSeen = 5 * kTick;
// How long a worker may take from its answer to its next read.
constexpr Nanoseconds kGrace = 200 * kMicrosecond;
// How long the reader is to wait in RECV, where nobody waits, to be taken for one that does.
constexpr Nanoseconds kFirstLook = kMillisecond;
constexpr Nanoseconds kDefaultDeadline = kSecond;
// What a container is taken to have kept workers for whose component has used its time up.
constexpr Nanoseconds kDistrust = kSecond;
// For a caller that is gone, handlers compute no longer.
constexpr Nanoseconds kComputingForNobody = 500 * kMillisecond;
// All handlers of a call together have as long as the one that has most, and at least so long.
constexpr Nanoseconds kCallDeadline = kSecond;
// A handler that does not compute may wait, though not for ever: for a log that nobody reads.
constexpr Nanoseconds kMaxWallTimes = 10;
// Reading memory takes microseconds, unless the caller has seen to it that it does not.
constexpr Nanoseconds kSlowRead = 20 * kMillisecond;
constexpr Nanoseconds kReadDeadline = kSecond;
// An operation that takes longer holds the worker that does it.
constexpr Nanoseconds kSlowOperation = 100 * kMillisecond;
// How long a worker may act itself, and how long where others wait for one.
constexpr Nanoseconds kOperationDeadline = 10 * kSecond;
constexpr Nanoseconds kOperationDeadlineIfNeeded = 3 * kSecond;
// As where a helper was given up: the handler may be without fault.
constexpr Response kFileSystemTimedOut = {.value = 0, .error = -ETIMEDOUT, .is_continue = false};
// How long calls may wait for a worker before operations have to hurry, and how long an operation
// may take at least even then.
constexpr Nanoseconds kStarvedAfter = kSecond;
constexpr Nanoseconds kMinIfCrowdedOut = 250 * kMillisecond;
// How long one of a slow container may take at least where others of that kind wait, and how long
// where one of it was given up before.
constexpr Nanoseconds kTurn = 2 * kSecond;
constexpr Nanoseconds kNextTurn = 500 * kMillisecond;
// How long a call may wait for a worker, which may itself wait for a processor to start on, and how
// long before another worker is asked for.
constexpr Nanoseconds kQueueDeadline = 30 * kSecond;
constexpr Nanoseconds kQueueDeadlineIfSlow = 12 * kSecond;
constexpr Nanoseconds kCrowdedAfter = 5 * kMillisecond;

}  // namespace

void Receiver::wake_watcher() {
  if (is_watcher_asleep_.exchange(false)) watcher_wake_.release();
}

// To be called when nobody waits in epoll, and nobody may for long: a worker that sleeps goes
// there, or else the fallback reader.
void Receiver::wake_another() {
  if (has_reader_.load()) return;
  if (sleeping_count_.load() > 0) {
    const std::lock_guard lock(mutex_);
    call_worker();
  } else {
    fallback_wake_.release();
    // those who wait at a listener that they hold may as well wait in epoll
    const std::lock_guard lock(mutex_);
    interrupt_exclusive(std::nullopt);
  }
}

void Receiver::mark_blocked(Place& place) {
  if (!place.is_blocked.exchange(true)) blocked_count_.fetch_add(1);
}

// It waits in epoll behind the workers, since epoll wakes the thread that came last. When it is
// woken, a worker may just be on its way back, which this thread, where it goes before all others,
// has kept from reading: so it leaves them a little time where one has read since it was here last.
void Receiver::read_as_fallback() {
  const pid_t thread = accept_interrupts();
  fallback_thread_.store(thread);
  take_short_turns(0);
  NotifyBuffers buffers(sizes_);
  std::shared_ptr<Listener> listener;
  Pending pending;
  std::uint64_t reads = 0;
  while (!is_stopping_.load()) {
    fallback_wake_.acquire();
    while (fallback_wake_.try_acquire()) {
    }
    while (!is_stopping_.load()) {
      epoll_event event;
      (void)retry_eintr([&] { return epoll_wait(epoll_.get(), &event, 1, -1); });
      if (reads_.load() != reads) {
        reads = reads_.load();
        if (is_computing_.load()) pause_for(kGrace);
      }
      // whoever needs a fallback reader again says so
      if (reads_.load() != reads || !become_reader()) break;
      (void)read_pending(
          {.buffers = buffers, .thread = thread, .place = nullptr, .timeout_ms = 0, .start = now()},
          listener, pending);
      has_reader_.store(false);
      const std::lock_guard lock(mutex_);
      if (queued_count_.load() == 0) continue;
      if (sleeping_count_.load() > 0) {
        call_worker();
      } else {
        interrupt_exclusive(std::nullopt);
        tell_crowded();
      }
    }
  }
}

// With the mutex held.
void Receiver::tell_crowded() {
  // where as many compute as there are to, one more only takes turns with them
  if (is_crowded_told_ || vacancies() <= 0) return;
  is_crowded_told_ = true;
  tell({.kind = ReceiverEvent::Kind::crowded, .token = 0, .worker = 0, .link = 0});
}

// The fallback reader goes before all others as long as handlers compute, and a little longer: it
// would have to wait for their turns to end. Otherwise it would only keep workers from reading.
void Receiver::set_fallback_priority(Nanoseconds time) {
  constexpr Nanoseconds kStays = kSecond;
  const bool is_computing = computed_at_ != 0 && time - computed_at_ < kStays;
  const pid_t thread = fallback_thread_.load();
  if (thread == 0 || is_computing == is_computing_.load()) return;
  is_computing_.store(is_computing);
  if (is_computing && go_before_others(thread)) return;
  if (!is_computing) go_as_others(thread);
  take_short_turns(thread);
}

// A tick costs whoever is interrupted by it, so there are few, and none while nothing happens.
void Receiver::watch_workers() {
  constexpr int kQuietTicks = 50;
  if (!go_before_others(0)) take_short_turns(0);
  NotifyBuffers buffers(sizes_);
  Nanoseconds before = now();
  std::uint64_t reads_before = 0;
  int quiet_ticks = 0;
  while (!is_closing_.load()) {
    if (quiet_ticks >= kQuietTicks) {
      quiet_ticks = 0;
      CallerState::close_kept();
      is_watcher_asleep_.store(true);
      // Whoever receives from here on sees that we sleep, or did so just now: then the first wait
      // ends by itself.
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
    return is_asleep(thread) && receiving_.load(std::memory_order_acquire) == receiving;
  };
  if (!waits()) return true;
  // an agent that was frozen looks so as well, until all of its threads have gone on
  pause_for(kFirstLook);
  if (!waits()) return true;
  if (const auto listener = find_listener(static_cast<std::uint32_t>(receiving)))
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
  const std::uint32_t link =
      std::atomic_ref(place.worker->inbox_->link).load(std::memory_order_relaxed);
  const bool is_same = std::exchange(place.seen_calls, calls) == calls;
  if (!is_same || phase == Phase::idle) {
    place.reading_time = 0;
    place.seen_link = link;
    place.longest_deadline = kCallDeadline;
    place.slowest_link = link;
    place.slowest_computed = 0;
    if (phase != Phase::idle) note_worker_time(place, elapsed, false);
    place.call = {.cpu_start = place.seen_cpu};
    place.handler = place.call;
    return false;
  }
  mark_blocked(place);
  note_worker_time(place, elapsed, true);
  // it may have answered just now, and would be taken for blocked until its next answer
  if (place.phase.load() == Phase::idle && place.is_blocked.exchange(false))
    blocked_count_.fetch_sub(1);
  // whether it ends or not: nobody else is to rely on being quick
  if (phase == Phase::operating) operation_trust_.note(elapsed, now());
  const std::uint64_t key = place.key.load();
  if (key == 0 || (key & CallKey::kOverdue) != 0) return false;
  place.blamed_link = link;
  if (phase == Phase::reading) return watch_reading(place, elapsed);
  if (phase == Phase::awaiting_read) return false;
  // operations have deadlines of their own
  if (phase == Phase::operating) return watch_operation(place, elapsed);
  return watch_handling(place, elapsed);
}

// What a call keeps its worker for counts for its container and its user; what it waits for a
// processor does not, which is nobody's doing. With the mutex held.
void Receiver::note_worker_time(Place& place, Nanoseconds elapsed, bool is_same) {
  const Nanoseconds cpu = place.worker->cpu_time();
  const Nanoseconds before = std::exchange(place.seen_cpu, cpu);
  const Nanoseconds time = now();
  const Nanoseconds age = time - place.worker->begun_.load(std::memory_order_relaxed);
  if (age < WorkerTime::kLongCall) return;
  const Nanoseconds computed = is_same ? std::min(cpu - before, elapsed) : 0;
  const Nanoseconds seen = std::min({elapsed, age, kMaxSeen});
  const bool is_waiting =
      computed < seen / 2 && (place.is_awaiting.load() || !is_runnable(place.worker->tid_));
  const Nanoseconds kept = is_waiting ? seen : computed;
  // also for a container that is gone
  senders_.note(place.peer_uid.load(), kept, time);
  const auto listener = listeners_.find(static_cast<std::uint32_t>(place.key.load() >> 32));
  if (listener == listeners_.end()) return;
  Container& container = *listener->second->container;
  container.worker_time.note(kept, time);
  if (container.pace(time) == Pace::slow) place.pace.store(Pace::slow);
}

// A handler has its deadline, and so have all handlers of a call together: it makes no difference
// to others whether one takes its time or many do.
bool Receiver::watch_handling(Place& place, Nanoseconds elapsed) {
  const std::uint32_t link = place.blamed_link;
  // its own time is what it computes: a machine that is busy otherwise is not its fault
  const Nanoseconds cpu = place.seen_cpu;
  place.reading_time = 0;
  place.call.wall_time += elapsed;
  place.handler.wall_time += elapsed;
  // what was computed since the last tick is nobody's if there was another handler then
  if (std::exchange(place.seen_link, link) != link) place.handler = {.cpu_start = cpu};
  const Nanoseconds handler_computed = cpu - place.handler.cpu_start;
  if (link != 0 && handler_computed >= place.slowest_computed) {
    place.slowest_computed = handler_computed;
    place.slowest_link = link;
  }
  const Nanoseconds computed = cpu - place.call.cpu_start;
  if (computed >= kTick / 2) computed_at_ = now();
  const auto token = static_cast<std::uint32_t>(place.key.load() >> 32);
  if (computed >= kComputingForNobody && !listeners_.contains(token)) return true;
  const std::uint32_t given =
      std::atomic_ref(place.worker->inbox_->deadline).load(std::memory_order_relaxed);
  const Nanoseconds deadline = given == 0 ? kDefaultDeadline : given * kMillisecond;
  place.longest_deadline = std::max(place.longest_deadline, deadline);
  if (is_over(place.handler, handler_computed, deadline)) return true;
  place.blamed_link = place.slowest_link;
  return is_over(place.call, computed, place.longest_deadline);
}

bool Receiver::is_over(const Watched& watched, Nanoseconds computed, Nanoseconds deadline) const {
  // more time than all handlers have is only for as long as nobody else has to wait for it
  const Nanoseconds most = is_starved_.load() ? std::min(deadline, kDefaultDeadline) : deadline;
  return computed >= most || watched.wall_time >= kMaxWallTimes * most;
}

void Receiver::note_held(Place& place) {
  Place::Hold before = Place::Hold::none;
  if (place.hold.compare_exchange_strong(before, Place::Hold::held)) held_count_.fetch_add(1);
}

// What is lost for one container is not taken from the others. With the mutex held.
void Receiver::note_lost(Place& place, const std::shared_ptr<Listener>& listener) {
  Place::Hold before = Place::Hold::held;
  if (!place.hold.compare_exchange_strong(before, Place::Hold::lost)) return;
  lost_count_.fetch_add(1);
  held_count_.fetch_sub(1);
  // else it has ended
  if (!listener) return;
  place.lost_for = listener->container;
  place.lost_for->lost_workers().note_lost();
}

// From the second slow read of a container on, children read its memory, which can be killed; and
// where too many workers are held by such reads, children read all memory.
bool Receiver::watch_reading(Place& place, Nanoseconds elapsed) {
  // it is not the caller's doing
  if (!is_runnable(place.worker->tid_)) place.reading_time += std::min(elapsed, kMaxSeen);
  if (place.reading_time < kSlowRead) return false;
  note_held(place);
  const auto listener = listeners_.find(static_cast<std::uint32_t>(place.key.load() >> 32));
  if (listener != listeners_.end()) listener->second->container->slow_reads.note_slow();
  return place.reading_time >= kReadDeadline;
}

// A helper can be ended and has its own deadline; a worker that acts itself, or looks at the
// caller, is given up. What it waits for a processor does not count.
bool Receiver::watch_operation(Place& place, Nanoseconds elapsed) {
  const Nanoseconds start = place.worker->operation_start_.load();
  const Nanoseconds age = place.worker->operation_age();
  const bool is_awaiting = place.is_awaiting.load();
  if (std::exchange(place.seen_operation, start) != start || is_awaiting) place.own_time = 0;
  if (!is_awaiting && !is_runnable(place.worker->tid_))
    place.own_time = std::min(place.own_time + std::min(elapsed, kMaxSeen), age);
  if (place.own_time < kSlowOperation) return false;
  note_held(place);
  const Nanoseconds most = is_starved_.load() ? kOperationDeadlineIfNeeded : kOperationDeadline;
  return place.own_time >= most || age >= most + TimeTaken::kMostUnscheduled;
}

// Of a handler that has used its time up: for how long it is left alone, see ReceiverEvent. With
// the mutex held.
std::uint32_t Receiver::leave_alone(const Terms& terms, std::uint32_t link) {
  const std::size_t place = link - 1;
  return place < terms.quarantine.size() ? quarantine_.note_overdue(terms.quarantine[place], now())
                                         : 0;
}

// A container of which nobody knows, with a component that has used its time up in another one, is
// slow until it was quick for a while. `component`: the one that just did; empty: any that has.
// With the mutex held.
void Receiver::distrust(const Listener& listener, std::string_view component) const {
  const Nanoseconds time = now();
  WorkerTime& worker_time = listener.container->worker_time;
  if (worker_time.pace(worker_time.kept(time)) != Pace::unknown) return;
  const auto terms = listener.terms->get();
  for (std::size_t place = 0; place < terms->quarantine.size(); ++place) {
    const std::string_view own = terms->component(place);
    const bool is_overdue =
        component.empty() ? overdue_components_.has(own, time) : own == component;
    if (!is_overdue) continue;
    worker_time.note(kDistrust, time);
    return;
  }
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
    std::uint64_t key = place.key.load();
    const bool is_overdue = std::exchange(place.is_overdue, false);
    if (place.worker == nullptr || key == 0 || !is_overdue ||
        place.calls.load() != place.seen_calls) {
      return;
    }
    if (!place.key.compare_exchange_strong(key, key | CallKey::kOverdue)) return;
    const auto token = static_cast<std::uint32_t>(key >> 32);
    const auto found = listeners_.find(token);
    if (found != listeners_.end()) listener = found->second;
    id = place.parked ? place.parked->notification.id : place.id.load();
    if (place.parked) withdrawn_count_.fetch_add(1);
    place.parked.reset();
    const Phase phase = place.phase.load();
    is_acting = phase == Phase::operating;
    // whose memory is not read in time is nobody else's fault
    const std::uint32_t link = phase == Phase::reading ? 0 : place.blamed_link;
    failure = place.failure.load();
    // the worker takes no other terms before it has had the mutex
    const Terms& terms = *place.worker->terms_;
    std::uint32_t quarantine_ms = 0;
    if (!is_acting && link != 0) {
      if (const auto component = terms.component(link - 1); !component.empty()) {
        overdue_components_.note(component, now());
        for (const auto& [other, each] : listeners_) distrust(*each, component);
      }
      // of a listener that has ended, others may have its place
      if (listener) quarantine_ms = leave_alone(terms, link);
    }
    // it may take long to die, and another one takes its place now
    if (std::exchange(place.worker->is_counted_, false)) worker_count_.fetch_sub(1);
    note_lost(place, listener);
    tell({.kind = ReceiverEvent::Kind::overdue,
          .token = token,
          .worker = place.worker->id_,
          .link = is_acting ? kActingLink : link,
          .quarantine_ms = quarantine_ms});
    parked_.notify_all();
    call_worker();
  }
  // ENOENT: the worker was quicker, or the caller is gone
  if (!listener) return;
  const Response response =
      is_acting ? kFileSystemTimedOut
                : Response{.value = 0, .error = failure, .is_continue = failure == 0};
  (void)buffers.respond(listener->fd.get(), id, response);
}

// What helpers do for containers that are not known to be quick. `others`: how many more workers
// these have; `ending`: how many of them are to stop waiting already. With the mutex held.
std::vector<Receiver::SlowOperation> Receiver::slow_operations(std::size_t& others,
                                                               std::size_t& ending) {
  std::vector<SlowOperation> found;
  std::map<const Container*, std::size_t> held;
  for (Place& place : std::span(places_).first(places_used_.load())) {
    const std::uint64_t key = place.key.load();
    if (place.worker == nullptr || key == 0 || (key & CallKey::kOverdue) != 0) continue;
    if (place.pace.load() == Pace::quick) continue;
    const auto listener = listeners_.find(static_cast<std::uint32_t>(key >> 32));
    const Container* const container = place.container.load();
    const Nanoseconds start = place.worker->operation_start_.load();
    ++held[container];
    if (place.phase.load() != Phase::operating || !place.is_awaiting.load() ||
        listener == listeners_.end()) {
      ++others;
    } else if (place.given_up.load() == start) {
      ++ending;
    } else {
      found.push_back({.place = &place,
                       .start = start,
                       .container = container,
                       .given_up_before = listener->second->container->given_up_count.load(),
                       .held = 0});
    }
  }
  for (SlowOperation& operation : found) operation.held = held[operation.container];
  return found;
}

// Of containers that keep workers waiting, half of the workers are enough: but more may have one
// before that is known. While others wait, operations are given up until no more than half are
// left: first those of containers that had it so before, and what has begun last. With the mutex
// held.
void Receiver::give_up_excess() {
  std::size_t others = 0;
  std::size_t ending = 0;
  auto slow = slow_operations(others, ending);
  const Nanoseconds time = now();
  const std::size_t all = slow.size() + others;
  std::erase_if(slow, [&](const SlowOperation& operation) {
    return time - operation.start < kMinIfCrowdedOut;
  });
  std::ranges::sort(slow, std::greater{}, [](const SlowOperation& operation) {
    return std::tuple(operation.given_up_before, operation.held, operation.start);
  });
  const std::size_t half = std::max(worker_count_.load() / 2, 1U);
  for (std::size_t index = 0; index < slow.size() && all - index > half; ++index)
    slow[index].place->given_up.store(slow[index].start);
}

// For so many containers that keep workers waiting and have none at the moment: operations of
// others of that kind are given up, first of those that have most. With the mutex held.
void Receiver::give_turns(std::size_t wanted) {
  std::size_t others = 0;
  std::size_t ending = 0;
  auto slow = slow_operations(others, ending);
  const Nanoseconds time = now();
  std::erase_if(slow, [&](const SlowOperation& operation) {
    const bool is_known = operation.given_up_before > 0;
    return time - operation.start < (is_known ? kNextTurn : kTurn);
  });
  std::ranges::sort(slow, std::greater{}, [](const SlowOperation& operation) {
    return std::tuple(operation.held, operation.given_up_before, -operation.start);
  });
  for (std::size_t index = 0; index < slow.size() && ending + index < wanted; ++index)
    slow[index].place->given_up.store(slow[index].start);
}

// Calls that have waited for too long fail; for those that wait a little, more workers are wanted.
void Receiver::end_stale_queued(NotifyBuffers& buffers) {
  const Nanoseconds time = now();
  std::vector<OwnedCall> stale;
  {
    const std::lock_guard lock(mutex_);
    bool is_crowded = false;
    bool is_starved = false;
    bool may_be_taken = false;
    std::size_t wanted_turns = 0;
    for (const auto& container : waiting_) {
      auto& queue = container->queue;
      const Pace pace = container->pace(time);
      const Nanoseconds deadline = pace == Pace::slow ? kQueueDeadlineIfSlow : kQueueDeadline;
      while (!queue.empty() && time - queue.front().pending.received > deadline) {
        stale.push_back(std::move(queue.front()));
        queue.pop_front();
        queued_count_.fetch_sub(1);
      }
      if (queue.empty()) continue;
      const Nanoseconds waited = time - queue.front().pending.received;
      const InFlight in_flight = in_flight_of(*container);
      // it waits for its own calls
      if (in_flight.own >= in_flight.own_share(pace)) continue;
      may_be_taken = may_be_taken || in_flight.may_take(pace);
      is_crowded = is_crowded || waited > kCrowdedAfter;
      if (waited <= kStarvedAfter) continue;
      is_starved = is_starved || pace != Pace::slow;
      if (pace == Pace::slow && in_flight.own == 0) ++wanted_turns;
    }
    is_starved_.store(is_starved);
    if (is_starved) give_up_excess();
    if (wanted_turns > 0) give_turns(wanted_turns);
    std::erase_if(waiting_, [](const auto& container) { return container->queue.empty(); });
    if (may_be_taken && is_crowded && sleeping_count_.load() > 0) {
      call_worker();
    } else if (is_crowded) {
      tell_crowded();
    }
  }
  for (const OwnedCall& call : stale) refuse(buffers, *call.listener, call.pending);
}

}  // namespace seccompagent
