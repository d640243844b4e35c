// SPDX-License-Identifier: Apache-2.0
// How many helpers live at a time, by their payers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>

#include "acting/handed_calls.h"
#include "kernel/payer.h"
#include "process/child.h"

namespace seccompagent {

// With the pool's mutex held.
class LivingHelpers {
 public:
  // Workers, each of which waits for one helper at most.
  static constexpr std::size_t kMaxAwaited = 64;
  // For payers that have none.
  static constexpr std::size_t kKept = 8;
  static constexpr std::size_t kMax = kMaxAwaited + HandedCalls::kMaxActingOfAll + kKept;

  [[nodiscard]] bool has_room(Payer payer) const {
    return all_ < (by_payer_.contains(payer) ? kMax - kKept : kMax);
  }
  void add(Payer payer) {
    ++by_payer_[payer];
    ++all_;
  }
  void remove(Payer payer) {
    const auto found = by_payer_.find(payer);
    if (--found->second == 0) by_payer_.erase(found);
    --all_;
    note_room();
  }
  // One has ended, or has nothing to do and can be ended.
  void note_room() { room_.notify_all(); }
  // Waits for a moment. False: the patience is over.
  [[nodiscard]] bool await_room(std::unique_lock<std::mutex>& lock, const Patience& patience,
                                TimeTaken& taken) {
    if (taken.left(patience) == 0 || patience.is_given_up()) return false;
    room_.wait_for(lock, kLook);
    taken.note(false);
    return true;
  }

 private:
  static constexpr std::chrono::milliseconds kLook{5};
  std::condition_variable room_;
  std::map<Payer, std::size_t> by_payer_;
  std::size_t all_ = 0;
};

}  // namespace seccompagent
