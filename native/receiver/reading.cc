// SPDX-License-Identifier: Apache-2.0
// Receiving: whoever has the reader's role takes what is pending, for itself or for the queues.
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <utility>

#include "kernel/listener_guard.h"
#include "receiver/receiver.h"

namespace seccompagent {

// The thread that waits in epoll looks whether there is something else to do.
void Receiver::wake_reader() { (void)eventfd_write(wake_event_.get(), 1); }

void Receiver::leave_epoll() {
  // the reader alone counts
  reads_.store(reads_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  has_reader_.store(false, std::memory_order_release);
  if (is_watcher_asleep_.load(std::memory_order_relaxed)) wake_watcher();
}

Result<bool> Receiver::read_pending(Reading& reading, std::shared_ptr<Listener>& listener,
                                    Pending& pending) {
  std::array<epoll_event, kMaxBatch> events;
  const int count = retry_eintr([&] {
    const ListenerGuard::Waiting waiting;
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
  receiving_thread_.store(reading.thread, std::memory_order_relaxed);
  bool has_own = false;
  bool has_received = false;
  std::size_t queued = 0;
  std::shared_ptr<Listener> other;
  Pending queued_call;
  for (int index = 0; index < count; ++index) {
    const epoll_event& event = events[static_cast<std::size_t>(index)];
    const auto token = static_cast<std::uint32_t>(event.data.u64);
    if (token == Listeners::kStopToken) continue;
    if (token == Listeners::kWakeToken) {
      eventfd_t times = 0;
      (void)eventfd_read(wake_event_.get(), &times);
      continue;
    }
    const bool is_for_place = reading.place != nullptr && !has_own;
    std::shared_ptr<Listener>& from = is_for_place ? listener : other;
    if (!from || from->token != token) from = listeners_.find(token);
    if (!from) {
      end_process(token);
      continue;
    }
    Pending& into = is_for_place ? pending : queued_call;
    into.was_queued = index > 0;
    const Received received = receive_one(reading, from, into, event.events);
    if (!reading.has_role) {
      if (received != Received::nothing) queue_apart(reading.buffers, from, into);
      return has_own;
    }
    if (received == Received::nothing) continue;
    if (!has_received) receive_delays_.note(reading.start, into.received);
    has_received = true;
    if (is_for_place && received == Received::for_a_worker) {
      reading.place->note(*from, into.received, has_too_few());
      reading.place->key.store(CallKey::of(token, into.notification.tid),
                               std::memory_order_release);
      has_own = true;
    } else {
      queue(reading.buffers, from, into);
      ++queued;
    }
  }
  if (reading.place == nullptr) fallback_read_count_.fetch_add(queued);
  if (queued > 0) wake_workers(queued);
  return has_own;
}

// It may have to wait in there, see Listener::is_shared, and everybody with it: the watcher sees to
// it that this ends, and is awake from before it begins.
Result<void> Receiver::receive_as_reader(Reading& reading, const Listener& listener,
                                         Notification& notification) {
  ++receive_count_;
  std::uint64_t receiving = std::uint64_t{receive_count_} << 32 | listener.token;
  receiving_.store(receiving, std::memory_order_release);
  if (is_watcher_asleep_.load(std::memory_order_relaxed)) wake_watcher();
  const auto received = reading.buffers.receive(listener.fd.get(), notification);
  reading.has_role = receiving_.compare_exchange_strong(receiving, 0);
  return received;
}

// Its calls are others' to answer.
void Receiver::end_shared(const Listener& listener) {
  events_.tell({.kind = ReceiverEvent::Kind::shared, .token = listener.token});
  end_listener(listener);
}

// Nothing: there was no call after all, or it is known already, or the listener has ended.
//
// A thread makes one call at a time, so if one of its is still known here, a signal took that one
// back. Calls move from a queue to a worker, and from there to the kept ones; they are looked for
// in that order (the kept ones when a worker begins), so that none is missed on its way.
Receiver::Received Receiver::receive_one(Reading& reading, const std::shared_ptr<Listener>& from,
                                         Pending& pending, std::uint32_t events) {
  Listener& listener = *from;
  if (listener.is_shared.load(std::memory_order_relaxed)) {
    end_shared(listener);
    return Received::nothing;
  }
  if ((events & EPOLLIN) == 0) {
    // It has ended, which another thread sees to, see await_ends. Without EPOLLHUP the kernel could
    // not look, since a signal has come to us: it is held.
    if ((events & EPOLLHUP) != 0) {
      stop_receiving(listener);
    } else if ((events & EPOLLERR) != 0) {
      set_apart(from);
    }
    return Received::nothing;
  }
  const auto received = receive_as_reader(reading, listener, pending.notification);
  if (!received) {
    const Errno error = received.error();
    if (error == Errno{EINTR} && listener.is_shared.load()) end_shared(listener);
    if (error == Errno{ENOENT} || error == Errno{EINTR}) return Received::nothing;
    // An error that never ends is one listener's own and must not end the others.
    end_listener(listener);
    return Received::nothing;
  }
  return admit(listener, pending);
}

// Decides on a notification that was just received.
Receiver::Received Receiver::admit(Listener& listener, Pending& pending) {
  pending.received = now();
  received_count_.fetch_add(1, std::memory_order_relaxed);
  const pid_t tid = pending.notification.tid;
  if (tid != 0 && queued_count_.load() > 0 && replaces_queued(listener, pending))
    return Received::nothing;
  const std::uint64_t key = CallKey::of(listener.token, tid);
  const Container& container = *listener.container;
  InFlight in_flight = {.workers = worker_count_.load(std::memory_order_relaxed),
                        .wanted = shape_.running};
  for (const Place& place : used_places()) {
    const std::uint64_t seen = place.key.load(std::memory_order_acquire);
    if (seen == 0) continue;
    in_flight.count(place, seen, container);
    const bool is_of_thread = tid != 0 && (seen & ~CallKey::kFlags) == key;
    if (is_of_thread && parks(pending, key)) return Received::nothing;
  }
  const Claim claim = {.pace = container.pace(pending.received, has_too_few()),
                       .is_known = container.worker_time.is_known(),
                       .is_alone = queued_count_.load(std::memory_order_relaxed) == 0};
  return in_flight.may_take(claim) ? Received::for_a_worker : Received::for_the_queue;
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
