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
// that no more than that part of the time is spent on reading them anew. New threads are known to
// nobody, so where a container has shown many such threads, no others of it are read either.
class LongStatuses {
 public:
  static constexpr std::size_t kMax = 4096;
  static constexpr Nanoseconds kTimesAsLong = 100;
  static constexpr Nanoseconds kMaxKnown = 60 * kSecond;
  // So many of a container lately are a crowd.
  static constexpr std::size_t kCrowd = 8;
  // Whatever else the reading thread has waited for.
  static constexpr Nanoseconds kMaxTook = 20 * kMillisecond;

  [[nodiscard]] static LongStatuses& of_process();

  // The container of whose threads the calling thread speaks from here on, by its token; 0: none.
  static void speak_of(std::uint32_t container);
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

  struct Crowd {
    std::size_t threads = 0;
    Nanoseconds until = 0;
  };

  // With the lock held.
  void make_room(Nanoseconds time);
  void note_crowd(Nanoseconds made_up_for, Nanoseconds time);
  void note_known(Nanoseconds until);
  [[nodiscard]] bool is_crowd(Nanoseconds time) const;

  std::mutex mutex_;
  std::map<pid_t, Known> threads_;
  std::map<std::uint32_t, Crowd> crowds_;
  // When all have been made up for.
  Nanoseconds over_at_ = 0;
  // When nothing of the above is known any more.
  std::atomic<Nanoseconds> known_until_ = 0;
};

}  // namespace seccompagent
