// SPDX-License-Identifier: Apache-2.0
// Calls that wait for a worker for too long, and the operations that are given up for them.
#include <algorithm>
#include <functional>
#include <map>
#include <tuple>
#include <utility>

#include "receiver/receiver.h"

namespace seccompagent {
namespace {

constexpr Nanoseconds kStarvedAfter = kSecond;
constexpr Nanoseconds kMinIfCrowdedOut = 250 * kMillisecond;
// Least time of an operation of a slow container where others of that kind wait, and where one of
// it was given up before.
constexpr Nanoseconds kTurn = 2 * kSecond;
constexpr Nanoseconds kNextTurn = 500 * kMillisecond;
// Longest wait of a call for a worker, which may itself wait for a processor to start on, and the
// wait before another worker is asked for.
constexpr Nanoseconds kQueueDeadline = 30 * kSecond;
constexpr Nanoseconds kQueueDeadlineIfSlow = 12 * kSecond;
constexpr Nanoseconds kCrowdedAfter = 5 * kMillisecond;

}  // namespace

// Operations of helpers for containers that are not known to be quick. `others`: how many more
// workers these have; `ending`: how many of them are to stop waiting already. With the mutex held.
std::vector<Receiver::SlowOperation> Receiver::slow_operations(std::size_t& others,
                                                               std::size_t& ending) {
  std::vector<SlowOperation> found;
  std::map<const Container*, std::size_t> held;
  for (Place& place : std::span(places_).first(places_used_.load())) {
    const std::uint64_t key = place.key.load();
    if (place.worker == nullptr || key == 0 || (key & CallKey::kOverdue) != 0) continue;
    if (place.pace.load() == Pace::quick) continue;
    const auto listener = listeners_.find(CallKey::token_of(key));
    const Container* const container = place.container.load();
    const Nanoseconds start = place.operation_start.load();
    ++held[container];
    if (place.phase.load() != Phase::operating || !place.is_awaiting.load() || !listener) {
      ++others;
    } else if (place.given_up.load() == start) {
      ++ending;
    } else {
      found.push_back({.place = &place,
                       .start = start,
                       .container = container,
                       .given_up_before = listener->container->given_up_count.load(),
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

// Calls that have waited for too long fail, unless it is for others of their container whose
// operations come to their ends; for those that wait a little, more workers are wanted.
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
      const Claim claim = claim_of(*container, time);
      const bool is_slow = claim.pace == Pace::slow;
      const Nanoseconds deadline = is_slow ? kQueueDeadlineIfSlow : kQueueDeadline;
      const Nanoseconds operation_end = container->operation_end.load();
      const auto is_stale = [&](const OwnedCall& call) {
        return time - std::max(call.pending.received, operation_end) > deadline;
      };
      while (!queue.empty() && is_stale(queue.front())) {
        stale.push_back(std::move(queue.front()));
        queue.pop_front();
        queued_count_.fetch_sub(1);
      }
      if (queue.empty()) continue;
      const Nanoseconds waited = time - queue.front().pending.received;
      const InFlight in_flight = in_flight_of(*container);
      // it waits for its own calls
      if (in_flight.own >= in_flight.own_share(claim)) continue;
      may_be_taken = may_be_taken || in_flight.may_take(claim);
      is_crowded = is_crowded || waited > kCrowdedAfter;
      if (waited <= kStarvedAfter) continue;
      const bool keeps_workers = container->keeps_workers(time);
      // a user with any number of new containers is not to shorten the operations of others
      is_starved = is_starved || (!keeps_workers && !is_slow);
      if (keeps_workers && in_flight.own == 0) ++wanted_turns;
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
  for (const OwnedCall& call : stale) refuse(buffers, call.listener, call.pending);
}

}  // namespace seccompagent
