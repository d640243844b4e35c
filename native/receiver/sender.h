// SPDX-License-Identifier: Apache-2.0
// Senders of listeners: turns and workers are divided by these first, since a sender may have any
// number of containers, of which each is new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "kernel/clock.h"
#include "receiver/operation_trust.h"
#include "receiver/worker_time.h"

namespace seccompagent {

// Of a sender that is no user and no namespace, but all containers with the same handlers, or whose
// pulled bundles have the same signers. With others beside them, containers are of another such
// sender.
inline constexpr std::uint32_t kByHandlers = 1U << 31U;

[[nodiscard]] constexpr bool is_by_handlers(std::uint32_t sender) {
  return (sender & kByHandlers) != 0;
}

struct Sender {
  // Of all listeners that are given it; 0: nobody's in particular, and nothing is known of it.
  std::uint32_t number;
  WorkerTime worker_time = {};
  // Of all its containers.
  LostWorkers lost_workers = {};
  // When one of his containers that waited was last given a worker; under the receiver's mutex.
  std::int64_t last_turn = 0;
};

// By their numbers. With the lock of Listeners held.
class Senders {
 public:
  // If there are more, those without a container may be forgotten, unless they have lost workers.
  static constexpr std::size_t kMax = 256;

  [[nodiscard]] std::shared_ptr<Sender> of(std::uint32_t number) {
    const auto found = senders_.find(number);
    if (found != senders_.end()) return found->second;
    if (senders_.size() >= kMax) forget_one(now());
    return senders_.emplace(number, std::make_shared<Sender>(number)).first->second;
  }
  // Its calls have kept workers for so long.
  void note(std::uint32_t number, Nanoseconds took, Nanoseconds time) {
    if (number != 0) of(number)->worker_time.note(took, time);
  }

 private:
  // Forgets the sender that has kept workers least.
  void forget_one(Nanoseconds time) {
    auto least = senders_.end();
    for (auto each = senders_.begin(); each != senders_.end(); ++each) {
      const auto kept = [time](const auto& entry) { return entry->second->worker_time.kept(time); };
      if (each->second.use_count() > 1 || each->second->lost_workers.are_known()) continue;
      if (least == senders_.end() || kept(each) < kept(least)) least = each;
    }
    if (least != senders_.end()) senders_.erase(least);
  }

  std::map<std::uint32_t, std::shared_ptr<Sender>> senders_;
};

}  // namespace seccompagent
