// SPDX-License-Identifier: Apache-2.0
// Exclusive listeners: a worker waits in RECV at one listener instead of in epoll, which saves a
// system call for each call of a thread that is alone for the moment. Another worker waits in epoll
// for all others meanwhile, where the exclusive listener tells nothing but its end.
//
// A listener is exclusive only while one thread calls again and again and its calls are quick.
// Before anything slow the worker gives the listener back; where nobody knew that it would be slow,
// or where no call comes any more, the watchdog takes it back within two ticks.
#include <sys/epoll.h>

#include "kernel/interrupt_signal.h"
#include "kernel/listener_guard.h"
#include "receiver/receiver.h"
#include "receiver/worker.h"

namespace seccompagent {
namespace {

// Calls in a row of one thread, with nothing else pending.
constexpr std::uint32_t kSteady = 256;

}  // namespace

// By the reader: nobody else has an event of the listener then.
bool Receiver::take_from_epoll(const Listener& listener, Place& place) {
  epoll_event event = {.events = 0, .data = {.u64 = listener.token}};
  const ListenerGuard::Asking asking;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener.fd.get(), &event) == -1) return false;
  place.exclusive.store(listener.token);
  return true;
}

// Gives a place's exclusive listener back to epoll, unless its worker waits there: it would then
// not be the only one who receives from it. With the mutex held.
void Receiver::end_exclusive(Place& place) {
  std::uint64_t token = place.exclusive.load();
  if (token == 0 || (token & Place::kReceiving) != 0) return;
  if (!place.exclusive.compare_exchange_strong(token, 0)) return;
  const auto listener = listeners_.find(static_cast<std::uint32_t>(token));
  // it may have ended
  if (!listener) return;
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = token}};
  const ListenerGuard::Asking asking;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener->fd.get(), &event);
}

// Has the worker stop waiting at the listener that is exclusively its own. One that is about to
// begin to wait there misses the signal: the watcher repeats it. With the mutex held.
void Receiver::interrupt(Place& place) {
  if (place.worker == nullptr || (place.exclusive.load() & Place::kReceiving) == 0) return;
  place.is_interrupted.store(true);
  interrupt_thread(place.tid);
  wake_watcher();
}

// Those who wait at a listener, or at any. With the mutex held.
void Receiver::interrupt_exclusive(std::optional<std::uint32_t> token) {
  for (Place& place : places_) {
    const auto own = static_cast<std::uint32_t>(place.exclusive.load());
    if (own != 0 && (!token || own == *token)) interrupt(place);
  }
}

// Whether a place has an exclusive listener; ends that where the caller makes a pause or takes
// long. With the mutex held, before watch_place.
bool Receiver::watch_exclusive(Place& place) {
  const std::uint64_t token = place.exclusive.load();
  if ((token & Place::kReceiving) == 0) place.is_interrupted.store(false);
  if (token == 0) return false;
  if (place.seen_calls == place.calls.load() || place.is_interrupted.load()) {
    end_exclusive(place);
    interrupt(place);
  }
  return true;
}

// After a read, with the reader's role: whether this thread's calls are all there is for the
// moment.
void Worker::consider_exclusive() {
  Receiver& receiver = *receiver_;
  const std::uint64_t key = CallKey::of(listener_->token, pending_.notification.tid);
  const bool is_same = steady_key_ == key;
  steady_key_ = key;
  steady_reads_ = is_same ? steady_reads_ + 1 : 0;
  if (steady_reads_ < kSteady || quiet_calls_ < kSteady || receiver.sleeping_count_.load() == 0 ||
      receiver.queued_count_.load() != 0) {
    return;
  }
  steady_reads_ = 0;
  (void)receiver.take_from_epoll(*listener_, place_);
}

void Worker::end_exclusive() {
  if (place_.exclusive.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(receiver_->mutex_);
  receiver_->end_exclusive(place_);
}

// Waits for the next call at the exclusive listener, from `start` on, which is that of the last
// call. False: there is none, and whatever comes next comes from epoll.
bool Worker::receive_exclusively(Nanoseconds start) {
  std::uint64_t token = place_.exclusive.load(std::memory_order_relaxed);
  if (token == 0) return false;
  if (!place_.exclusive.compare_exchange_strong(token, token | Place::kReceiving)) return false;
  // A thread with a reason for us not to wait tells it first and looks then whether we do; we look
  // for it after we have told that we do.
  const bool is_to_wait = !place_.is_interrupted.load() && !place_.has_ended.load() &&
                          !receiver_->is_stopping_.load() && receiver_->queued_count_.load() == 0;
  const auto received = is_to_wait ? buffers_.receive(listener_->fd.get(), pending_.notification)
                                   : Result<void>(fail(EINTR));
  // admitted while it is still ours alone
  const bool has_call = received && admit_exclusive(start);
  place_.exclusive.store(token);
  if (receiver_->is_watcher_asleep_.load(std::memory_order_relaxed)) receiver_->wake_watcher();
  // another thread's call, one that was taken back, the listener's end: back to epoll
  if (!has_call || CallKey::of(listener_->token, pending_.notification.tid) != steady_key_)
    end_exclusive();
  return has_call;
}

// Whether what was received at the exclusive listener is this worker's own call.
bool Worker::admit_exclusive(Nanoseconds start) {
  pending_.was_queued = false;
  const Receiver::Received received = receiver_->admit(*listener_, pending_);
  if (start != 0) place_.receive_delays.note(start, pending_.received);
  if (received == Receiver::Received::for_a_worker) {
    place_.note(*listener_, pending_.received, receiver_->has_too_few());
    place_.key.store(CallKey::of(listener_->token, pending_.notification.tid));
    return true;
  }
  if (received == Receiver::Received::for_the_queue) {
    receiver_->queue(buffers_, listener_, pending_);
    receiver_->wake_workers(1);
  }
  return false;
}

}  // namespace seccompagent
