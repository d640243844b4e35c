// SPDX-License-Identifier: Apache-2.0
// Who has sent listeners: turns and workers are divided by that first, since whoever may send them
// may have any number of containers, of which each is new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "kernel/clock.h"
#include "receiver/quickness.h"
#include "receiver/worker_time.h"

namespace seccompagent {

struct Sender {
  std::uint32_t number;
  // What all of his containers have kept.
  WorkerTime worker_time = {};
  // Of a user.
  LostWorkers lost_workers = {};
  // When one of his containers that waited was last given a worker; under the receiver's mutex.
  std::int64_t last_turn = 0;
};

// By their numbers, which the host gives. With the receiver's mutex held.
class Senders {
 public:
  // If there are more, those without a container may be forgotten.
  static constexpr std::size_t kMost = 256;

  [[nodiscard]] std::shared_ptr<Sender> of(std::uint32_t number) {
    const auto found = senders_.find(number);
    if (found != senders_.end()) return found->second;
    if (senders_.size() >= kMost) forget_one(now());
    return senders_.emplace(number, std::make_shared<Sender>(number)).first->second;
  }
  // Calls of his have kept workers for so long.
  void note(std::uint32_t number, Nanoseconds took, Nanoseconds time) {
    of(number)->worker_time.note(took, time);
  }

 private:
  // Who has kept workers least.
  void forget_one(Nanoseconds time) {
    auto least = senders_.end();
    for (auto each = senders_.begin(); each != senders_.end(); ++each) {
      const auto kept = [time](const auto& entry) {
        return entry->second->worker_time.kept_lately(time);
      };
      if (each->second.use_count() > 1) continue;
      if (least == senders_.end() || kept(each) < kept(least)) least = each;
    }
    if (least != senders_.end()) senders_.erase(least);
  }

  std::map<std::uint32_t, std::shared_ptr<Sender>> senders_;
};

}  // namespace seccompagent
