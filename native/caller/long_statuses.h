// SPDX-License-Identifier: Apache-2.0
// Threads whose status is too long to be read for each call. The kernel makes all of the text anew
// for each read: with 65,536 groups that takes it some milliseconds, whatever is read of it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include "kernel/clock.h"

namespace seccompagent {

// Of the process: those that were found lately. A thread is known until all such reads have been
// made up for by so many times of what they took: with many of them each is known for longer, so
// that no more than that part of the time is spent on reading them anew.
class LongStatuses {
 public:
  static constexpr std::size_t kMax = 4096;
  static constexpr Nanoseconds kTimesAsLong = 100;
  static constexpr Nanoseconds kMaxKnown = 60 * kSecond;
  // Whatever else the reading thread has waited for.
  static constexpr Nanoseconds kMaxTook = 20 * kMillisecond;

  [[nodiscard]] static LongStatuses& of_process();

  // A read for nothing of this thread's status, by the calling thread, took so long.
  void note(pid_t tid, Nanoseconds took);
  [[nodiscard]] bool has(pid_t tid);
  // Time of such reads by the calling thread since it was asked last.
  [[nodiscard]] static Nanoseconds take_time();

 private:
  struct Known {
    std::uint64_t identity;
    Nanoseconds until;
  };

  void make_room(Nanoseconds time);

  std::mutex mutex_;
  std::map<pid_t, Known> threads_;
  // When all have been made up for.
  Nanoseconds over_at_ = 0;
  std::atomic<std::size_t> count_ = 0;
};

}  // namespace seccompagent
