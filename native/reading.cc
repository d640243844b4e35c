// SPDX-License-Identifier: Apache-2.0
// Receiving: whoever has the reader's role takes what is pending, for itself or for the queues.
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "receiver.h"

namespace seccompagent {
namespace {

// So few workers are not divided.
constexpr std::uint32_t kFewestShared = 2;

// But for its memory, which nobody has read yet.
[[nodiscard]] bool is_same_call(const Notification& left, const Notification& right) {
  return left.nr == right.nr && left.arch == right.arch &&
         left.instruction_pointer == right.instruction_pointer && left.arguments == right.arguments;
}

}  // namespace

void Receiver::leave_epoll() {
  // the reader alone counts
  reads_.store(reads_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  has_reader_.store(false, std::memory_order_release);
  if (is_watcher_asleep_.load(std::memory_order_relaxed)) wake_watcher();
}

Result<bool> Receiver::read_pending(const Reading& reading, std::shared_ptr<Listener>& listener,
                                    Pending& pending) {
  std::array<epoll_event, kMostBatch> events;
  const int count = retry_eintr([&] {
    return epoll_wait(epoll_.get(), events.data(), batch_size_.load(std::memory_order_relaxed),
                      reading.timeout_ms);
  });
  if (count == -1) return fail_errno();
  // a lone caller's calls come one at a time, and asking for more takes longer
  if (count == 1) batch_size_.store(1, std::memory_order_relaxed);
  const int crowd = crowd_.load(std::memory_order_relaxed);
  if (count > 1) {
    crowd_.store(kCrowd, std::memory_order_relaxed);
  } else if (crowd > 0) {
    crowd_.store(crowd - 1, std::memory_order_relaxed);
  }
  bool has_own = false;
  bool has_received = false;
  std::size_t queued = 0;
  std::shared_ptr<Listener> other;
  Pending queued_call;
  for (int index = 0; index < count; ++index) {
    const epoll_event& event = events[static_cast<std::size_t>(index)];
    const auto token = static_cast<std::uint32_t>(event.data.u64);
    if (token == kStopToken) continue;
    if (token == kLateToken) {
      send_late(reading.buffers, now());
      continue;
    }
    const bool is_for_place = reading.place != nullptr && !has_own;
    std::shared_ptr<Listener>& from = is_for_place ? listener : other;
    if (!from || from->token != token) from = find_listener(token);
    if (!from) {
      end_process(token);
      continue;
    }
    Pending& into = is_for_place ? pending : queued_call;
    into.was_queued = index > 0;
    const Received received =
        receive_one(reading.buffers, *from, into, (event.events & EPOLLIN) != 0);
    if (received == Received::nothing) continue;
    if (!has_received) receive_delays_.note(reading.start, into.received);
    has_received = true;
    if (is_for_place && received == Received::for_a_worker) {
      // seen by whoever reads next: the role is released later
      reading.place->container.store(from->container.get(), std::memory_order_relaxed);
      reading.place->key.store(CallKey::of(token, into.notification.tid),
                               std::memory_order_relaxed);
      has_own = true;
    } else {
      queue(reading.buffers, from, into);
      ++queued;
    }
  }
  if (reading.place == nullptr) stood_in_count_.fetch_add(queued);
  if (queued > 0) wake_workers(queued);
  return has_own;
}

// Nothing: there was no call after all, or it is known already, or the listener has ended.
//
// A thread makes one call at a time, so if one of its is still known here, a signal took that one
// back. Calls move from a queue to a worker, and from there to the kept ones; they are looked for
// in that order (the kept ones when a worker begins), so that none is missed on its way.
Receiver::Received Receiver::receive_one(NotifyBuffers& buffers, Listener& listener,
                                         Pending& pending, bool is_readable) {
  const auto received =
      is_readable ? buffers.receive(listener.fd.get(), pending.notification) : fail(ENODEV);
  if (!received) {
    const Errno error = received.error();
    if (error == Errno{ENOENT} || error == Errno{EINTR}) return Received::nothing;
    // All users of the filter are gone: RECV would say ENOENT now and for ever. Or an error that
    // never ends: it is one listener's own and must not end the others.
    end_listener(listener);
    return Received::nothing;
  }
  return admit(listener, pending);
}

// What becomes of a notification that was just received.
Receiver::Received Receiver::admit(Listener& listener, Pending& pending) {
  pending.received = now();
  received_count_.fetch_add(1, std::memory_order_relaxed);
  const pid_t tid = pending.notification.tid;
  if (tid != 0 && queued_count_.load() > 0 && replaces_queued(listener, pending))
    return Received::nothing;
  const std::uint64_t key = CallKey::of(listener.token, tid);
  const Container& container = *listener.container;
  InFlight in_flight;
  for (const Place& place : used_places()) {
    const std::uint64_t seen = place.key.load(std::memory_order_acquire);
    if (seen == 0) continue;
    in_flight.count(place, seen, container);
    const bool is_of_thread = tid != 0 && (seen & ~CallKey::kFlags) == key;
    if (is_of_thread && parks(pending, key)) return Received::nothing;
  }
  return may_take(container, in_flight) ? Received::for_a_worker : Received::for_the_queue;
}

bool Receiver::replaces_queued(Listener& listener, const Pending& pending) {
  const std::lock_guard lock(mutex_);
  const auto is_of_thread = [&](const Pending& queued) {
    return queued.notification.tid == pending.notification.tid;
  };
  const auto found = std::ranges::find_if(listener.queue, is_of_thread);
  if (found == listener.queue.end()) return false;
  const bool is_restarted = is_same_call(found->notification, pending.notification);
  (is_restarted ? restarted_count_ : withdrawn_count_).fetch_add(1);
  // it keeps its place, and a restarted call the time since when it waits
  found->notification = pending.notification;
  if (!is_restarted) found->received = pending.received;
  return true;
}

// The worker that has the thread's call takes care of the new one when it is done with it.
bool Receiver::parks(const Pending& pending, std::uint64_t key) {
  const std::lock_guard lock(mutex_);
  for (Place& place : places_) {
    std::uint64_t seen = place.key.load();
    if (place.worker == nullptr || (seen & ~CallKey::kFlags) != key) continue;
    // the deadline has ended the old call, so this is another one
    if ((seen & CallKey::kOverdue) != 0) return false;
    if (place.parked) withdrawn_count_.fetch_add(1);
    place.parked = pending;
    if ((seen & CallKey::kParked) == 0 &&
        !place.key.compare_exchange_strong(seen, seen | CallKey::kParked)) {
      // it was closed just now
      place.parked.reset();
      return false;
    }
    parked_.notify_all();
    return true;
  }
  return false;
}

// False: the queue is full. With the mutex held.
bool Receiver::enqueue(const std::shared_ptr<Listener>& listener, const Pending& pending) {
  if (listener->container->queued >= kMostQueued) return false;
  ++listener->container->queued;
  if (listener->queue.empty()) waiting_.push_back(listener);
  listener->queue.push_back(pending);
  listener->queue.back().was_queued = true;
  queued_count_.fetch_add(1);
  return true;
}

void Receiver::queue(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener,
                     const Pending& pending) {
  {
    const std::lock_guard lock(mutex_);
    if (enqueue(listener, pending)) return;
  }
  refuse(buffers, *listener, pending);
}

void Receiver::refuse(NotifyBuffers& buffers, const Listener& listener, const Pending& pending) {
  refused_count_.fetch_add(1);
  (void)buffers.respond(listener.fd.get(), pending.notification.id, listener.terms->get()->failure);
}

// One container does not get all workers: others would wait for its slowest calls.
std::uint32_t Receiver::fair_share() const {
  return std::max(kFewestShared, worker_count_.load(std::memory_order_relaxed) / 2);
}

void InFlight::count(const Place& place, std::uint64_t key, const Container& container) {
  // in its place there is another one
  if ((key & CallKey::kOverdue) != 0) return;
  const Pace pace = place.pace.load(std::memory_order_relaxed);
  ++all;
  if (pace == Pace::slow) ++slow;
  if (place.container.load(std::memory_order_relaxed) != &container) return;
  ++own;
  is_handling = is_handling || pace == Pace::handling;
}

InFlight Receiver::in_flight_of(const Container& container) const {
  InFlight in_flight;
  for (const Place& place : used_places()) {
    const std::uint64_t key = place.key.load();
    if (key != 0) in_flight.count(place, key, container);
  }
  return in_flight;
}

// Whether one more call of the container may have a worker. The last one that is free is for those
// that have none.
bool Receiver::may_take(const Container& container, const InFlight& in_flight) const {
  const std::uint32_t workers = worker_count_.load(std::memory_order_relaxed);
  const bool has_others = in_flight.all + 1 < workers || workers <= kFewestShared;
  return has_share(container, in_flight) && (in_flight.own == 0 || has_others);
}

// A container whose handlers take a while right now has half of its share, and those that have
// kept workers waiting share half of them all, so that some are left for all others.
bool Receiver::has_share(const Container& container, const InFlight& in_flight) const {
  constexpr std::size_t kMostSlow = 2;
  const std::uint32_t share = fair_share();
  if (!container.is_slow())
    return in_flight.own < (in_flight.is_handling ? std::max(kFewestShared, share / 2) : share);
  const std::uint32_t half = std::max(worker_count_.load() / 2, 1U);
  return in_flight.own < std::min<std::size_t>(kMostSlow, share) && in_flight.slow < half;
}

std::span<const Place> Receiver::used_places() const {
  return std::span(places_).first(places_used_.load());
}

// With the mutex held, as the next one.
bool Receiver::has_eligible_queued() const {
  return std::ranges::any_of(waiting_, [this](const auto& listener) {
    const Container& container = *listener->container;
    return may_take(container, in_flight_of(container)) || is_stopping_.load();
  });
}

std::optional<OwnedCall> Receiver::take_queued(Place& place) {
  if (queued_count_.load() == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  for (std::size_t turn = waiting_.size(); turn > 0; --turn) {
    std::shared_ptr<Listener> listener = std::move(waiting_.front());
    waiting_.pop_front();
    const Container& container = *listener->container;
    if (!may_take(container, in_flight_of(container)) && !is_stopping_.load()) {
      waiting_.push_back(std::move(listener));
      continue;
    }
    const Pending pending = listener->queue.front();
    // before it leaves the queue: whoever looks for it finds it here or there
    place.container.store(listener->container.get(), std::memory_order_relaxed);
    place.key.store(CallKey::of(listener->token, pending.notification.tid));
    listener->queue.pop_front();
    --listener->container->queued;
    queued_count_.fetch_sub(1);
    if (!listener->queue.empty()) waiting_.push_back(listener);
    return OwnedCall{std::move(listener), pending};
  }
  return std::nullopt;
}

// As many as can run at once; those that are blocked don't.
void Receiver::wake_workers(std::size_t count) {
  if (sleeping_count_.load() == 0) return;
  const std::lock_guard lock(mutex_);
  for (std::size_t woken = 0; woken < count && vacancies() > 0 && !sleepers_.empty(); ++woken)
    call_worker();
}

std::int32_t Receiver::vacancies() const {
  const auto awake = worker_count_.load() - sleeping_count_.load();
  return static_cast<std::int32_t>(shape_.running + blocked_count_.load() - awake);
}

// Wakes one whatever the others do. With the mutex held.
void Receiver::call_worker() {
  if (sleepers_.empty()) return;
  Place& place = *sleepers_.back();
  sleepers_.pop_back();
  sleeping_count_.store(static_cast<std::uint32_t>(sleepers_.size()));
  place.is_called = true;
  place.wake.notify_one();
}

// They look for themselves what there is. With the mutex held.
void Receiver::wake_all() {
  for (Place* place : sleepers_) place->wake.notify_one();
}

}  // namespace seccompagent
