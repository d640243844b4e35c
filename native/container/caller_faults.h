// SPDX-License-Identifier: Apache-2.0
// Pages of callers that are not there when the agent reads them: the kernel brings them, and
// charges what it takes for that (page tables, and pages of files) to the agent, whoever's memory
// it is.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "container/memory_room.h"
#include "kernel/clock.h"
#include "kernel/payer.h"

namespace seccompagent {

// Nobody knows when that memory goes. So as long as there is enough, all are read; once there is
// not, those who have had many such pages lately are not read at all.
class CallerFaults {
 public:
  explicit CallerFaults(MemoryRoom& room) : room_(room) {}
  [[nodiscard]] static CallerFaults& of_process();

  [[nodiscard]] bool is_short(Payer payer) { return room_.is_short(payer); }
  [[nodiscard]] bool may_read(Payer payer, Nanoseconds time = now());
  void note(Payer payer, std::uint64_t faults, Nanoseconds time = now());

 private:
  // A program may meet so many of its own when it begins.
  static constexpr double kFew = 64;
  static constexpr double kHalfLife = 60.0 * kSecond;
  // With the tables that lead to it.
  static constexpr std::uint64_t kBytes = 16ULL << 10;
  static constexpr std::size_t kMaxPayers = 4096;

  struct Count {
    double faults = 0;
    Nanoseconds time = 0;

    [[nodiscard]] double at(Nanoseconds later) const;
  };
  // With the mutex held.
  void forget_few(Nanoseconds time);

  MemoryRoom& room_;
  std::mutex mutex_;
  std::unordered_map<Payer, Count> counts_;
};

// Counts those that this thread meets while it lives: of one of many, or of each where memory is
// short.
class FaultWatch {
 public:
  explicit FaultWatch(Payer payer, CallerFaults& faults = CallerFaults::of_process());
  FaultWatch(const FaultWatch&) = delete;
  FaultWatch& operator=(const FaultWatch&) = delete;
  ~FaultWatch();

 private:
  CallerFaults& faults_;
  Payer payer_;
  // 0: it does not count.
  std::uint64_t weight_ = 0;
  std::uint64_t before_ = 0;
};

}  // namespace seccompagent
