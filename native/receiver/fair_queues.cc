// SPDX-License-Identifier: Apache-2.0
// The queues of containers whose calls wait for a worker, and whose turn it is.
#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "kernel/listener_guard.h"
#include "process/patient_answers.h"
#include "receiver/receiver.h"

namespace seccompagent {
namespace {

// So few workers are not divided.
constexpr std::size_t kMinShared = 2;

// But for its memory, which nobody has read yet.
[[nodiscard]] bool is_same_call(const Notification& left, const Notification& right) {
  return left.nr == right.nr && left.arch == right.arch &&
         left.instruction_pointer == right.instruction_pointer && left.arguments == right.arguments;
}

}  // namespace

bool Receiver::replaces_queued(Listener& listener, const Pending& pending) {
  const std::lock_guard lock(mutex_);
  auto& queue = listener.container->queue;
  const auto found = std::ranges::find_if(queue, [&](const OwnedCall& queued) {
    return queued.listener.get() == &listener &&
           queued.pending.notification.tid == pending.notification.tid;
  });
  if (found == queue.end()) return false;
  Pending& queued = found->pending;
  const bool is_restarted = is_same_call(queued.notification, pending.notification);
  (is_restarted ? restarted_count_ : withdrawn_count_).fetch_add(1);
  // it keeps its place, and a restarted call the time since when it waits
  queued.notification = pending.notification;
  if (!is_restarted) queued.received = pending.received;
  return true;
}

// False: the queue is full. With the mutex held.
bool Receiver::enqueue(const std::shared_ptr<Listener>& listener, const Pending& pending) {
  auto& queue = listener->container->queue;
  if (queue.size() >= kMaxQueued) return false;
  if (queue.empty()) waiting_.push_back(listener->container);
  // one that is new comes behind those who wait already
  std::int64_t& last_turn = listener->container->sender->last_turn;
  if (last_turn == 0) last_turn = turns_;
  queue.push_back({listener, pending});
  queue.back().pending.was_queued = true;
  queued_count_.fetch_add(1);
  return true;
}

void Receiver::queue(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener,
                     const Pending& pending) {
  {
    const std::lock_guard lock(mutex_);
    if (enqueue(listener, pending)) return;
  }
  refuse(buffers, listener, pending);
}

void Receiver::refuse(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener,
                      const Pending& pending) {
  constexpr Nanoseconds kToldAgain = 60 * kSecond;
  refused_count_.fetch_add(1);
  auto& told = listener->container->refusal_told;
  const Nanoseconds time = now();
  Nanoseconds before = told.load();
  const bool is_due = before == 0 || time - before >= kToldAgain;
  if (is_due && told.compare_exchange_strong(before, time))
    events_.tell({.kind = ReceiverEvent::Kind::refused, .token = listener->token});
  answer_soon(buffers, listener, pending.notification.id, listener->terms->get()->failure);
}

// For a call that no worker has: at once, unless its listener is held. By a thread that others
// need.
void Receiver::answer_soon(NotifyBuffers& buffers, const std::shared_ptr<Listener>& listener,
                           std::uint64_t id, const Response& response) {
  const auto is_through = [id, response](NotifyBuffers& by, const Listener& at) {
    const ListenerGuard::Asking asking;
    return by.try_to_respond(at.fd.get(), id, response) != Arrival::held;
  };
  if (is_through(buffers, *listener)) return;
  PatientAnswers::of_process().add(
      listener->fd.get(),
      [is_through, listener, own = buffers]() mutable { return is_through(own, *listener); });
}

std::size_t InFlight::own_share(const Claim& claim) const {
  constexpr std::size_t kMaxSlow = 2;
  const std::size_t half = std::max(kMinShared, workers / 2);
  // what only waits for a helper takes no processor from others
  if (claim.pace == Pace::slow) return claim.is_alone && own_awaiting == own ? half : kMaxSlow;
  return claim.is_known ? half : 1;
}

// Containers of each pace leave some workers to those of the paces before it, and all the last one
// that is free to those that have none.
bool InFlight::may_take(const Claim& claim) const {
  const bool has_others = all + 1 < workers || workers <= kMinShared;
  if (own >= own_share(claim) || (own > 0 && !has_others)) return false;
  // who has had workers ended does not get the last one of those that are left
  const bool is_last = workers < wanted && all + 1 >= workers;
  if (claim.pace == Pace::slow && is_last) return false;
  const std::size_t most = workers + ending;
  const std::size_t half = most / 2;
  const std::array<std::size_t, kPaces> parts = {most, most * 3 / 4,
                                                 half + std::max<std::size_t>(most / 8, 1), half};
  // nobody knows of those that are to end for how long they do not
  std::size_t kept = ending;
  for (auto pace = static_cast<std::size_t>(Pace::slow); pace > 0; --pace) {
    kept += of_pace.at(pace);
    const bool is_bound = static_cast<std::size_t>(claim.pace) >= pace;
    if (is_bound && kept >= std::max<std::size_t>(parts.at(pace), 1)) return false;
  }
  return true;
}

void InFlight::count(const Place& place, std::uint64_t key, const Container& container) {
  if ((key & CallKey::kOverdue) != 0) {
    // one that can't be ended is lost, and replaced
    if (place.hold.load(std::memory_order_relaxed) != Place::Hold::lost) ++ending;
    return;
  }
  ++all;
  ++of_pace.at(static_cast<std::size_t>(place.pace.load(std::memory_order_relaxed)));
  if (place.container.load(std::memory_order_relaxed) != &container) return;
  ++own;
  if (place.is_awaiting.load(std::memory_order_relaxed)) ++own_awaiting;
}

InFlight Receiver::in_flight_of(const Container& container) const {
  InFlight in_flight = {.workers = worker_count_.load(), .wanted = shape_.running};
  for (const Place& place : used_places()) {
    const std::uint64_t key = place.key.load();
    if (key != 0) in_flight.count(place, key, container);
  }
  return in_flight;
}

std::span<const Place> Receiver::used_places() const {
  return std::span(places_).first(places_used_.load());
}

Claim Receiver::claim_of(const Container& container, Nanoseconds time) const {
  return {.pace = container.pace(time, has_too_few()),
          .is_known = container.worker_time.is_known(),
          .is_alone = waiting_.size() <= 1};
}

// Next container of those that may have a worker: of the slow ones the one that has kept workers
// least, and before it all others, by sender and then by container. With the mutex held.
Receiver::Waiting::iterator Receiver::next_queued() {
  using Rank = std::tuple<bool, std::int64_t, std::int64_t>;
  const Nanoseconds time = now();
  auto next = waiting_.end();
  Rank first;
  for (auto each = waiting_.begin(); each != waiting_.end(); ++each) {
    const Container& container = **each;
    const Sender& sender = *container.sender;
    const Claim claim = claim_of(container, time);
    const Rank rank = claim.pace == Pace::slow ? Rank(true, sender.worker_time.kept(time),
                                                      container.worker_time.kept(time))
                                               : Rank(false, sender.last_turn, 0);
    if (next != waiting_.end() && rank >= first) continue;
    if (!in_flight_of(container).may_take(claim) && !is_stopping_.load()) continue;
    first = rank;
    next = each;
  }
  return next;
}

std::optional<OwnedCall> Receiver::take_queued(Place& place) {
  if (queued_count_.load() == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto next = next_queued();
  if (next == waiting_.end()) return std::nullopt;
  std::shared_ptr<Container> container = std::move(*next);
  waiting_.erase(next);
  OwnedCall call = std::move(container->queue.front());
  // before it leaves the queue: whoever looks for it finds it here or there
  place.note(*call.listener, now(), has_too_few());
  place.key.store(CallKey::of(call.listener->token, call.pending.notification.tid));
  container->queue.pop_front();
  queued_count_.fetch_sub(1);
  container->sender->last_turn = ++turns_;
  if (!container->queue.empty()) waiting_.push_back(std::move(container));
  return call;
}

}  // namespace seccompagent
