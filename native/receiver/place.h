// SPDX-License-Identifier: Apache-2.0
// Places of workers: where a call is while a worker has it, as other threads see it.
#pragma once

#include <time.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "kernel/clock.h"
#include "receiver/call_watch.h"
#include "receiver/inbox.h"
#include "receiver/listener.h"
#include "receiver/receive_delays.h"
#include "receiver/worker_time.h"

namespace seccompagent {

class Worker;

// Phase of a worker's call.
enum class Phase : std::uint32_t {
  idle,
  reading,
  // a child reads for it, which has a deadline of its own
  awaiting_read,
  handling,
  operating
};

// Thread and container that a call is of. Threads outside of our pid namespace all have the id 0
// and can't be told apart.
struct CallKey {
  static constexpr std::uint64_t kParked = 1U << 31;
  static constexpr std::uint64_t kOverdue = 1U << 30;
  static constexpr std::uint64_t kFlags = kParked | kOverdue;

  [[nodiscard]] static std::uint64_t of(std::uint32_t token, pid_t tid) {
    return std::uint64_t{token} << 32 | static_cast<std::uint32_t>(tid);
  }
  [[nodiscard]] static std::uint32_t token_of(std::uint64_t key) {
    return static_cast<std::uint32_t>(key >> 32);
  }
};

// One worker as others see it: which call it has, since when, and what came for that call's thread
// meanwhile.
struct alignas(64) Place {
  // A CallKey, with flags; 0: it has none.
  std::atomic<std::uint64_t> key = 0;
  // Container of that call: set before the key, only to be compared, and only while there is a key.
  std::atomic<const Container*> container = nullptr;
  std::atomic<Phase> phase = Phase::idle;
  // Its call takes long; counted in the receiver's blocked_count_.
  std::atomic<bool> is_blocked = false;
  // Counts its calls, before the key is set: whoever finds a key finds the number of its call, too.
  std::atomic<std::uint32_t> calls = 0;
  // Answer to its call when it takes too long, by the terms that it was begun by: an errno,
  // negated; 0: the kernel judges.
  std::atomic<std::int32_t> failure = 0;
  // It waits for memory or a file system whose owner has seen to it that this takes long, and can't
  // be ended; counted in the receiver's held_count_, and once another worker has taken its place in
  // lost_count_.
  enum class Hold : std::uint8_t { none, held, lost };
  std::atomic<Hold> hold = Hold::none;
  // A helper acts for it, or it waits until one may.
  std::atomic<bool> is_awaiting = false;
  // Of that container, or slow from when its call has taken very long; and of whom it is one. Set
  // as it is.
  std::atomic<Pace> pace = Pace::unknown;
  std::atomic<std::uint32_t> sender = 0;
  // When the operation began that is to come to its end now; 0: none.
  std::atomic<Nanoseconds> given_up = 0;
  // The token of the listener that is exclusively its own, with kReceiving while it waits there; 0:
  // none. Only then its worker receives from it, and without the reader's role.
  static constexpr std::uint64_t kReceiving = 1ULL << 32;
  std::atomic<std::uint64_t> exclusive = 0;
  // It is to stop waiting at the listener that is exclusively its own.
  std::atomic<bool> is_interrupted = false;
  // Of the notification that an answer goes to.
  std::atomic<std::uint64_t> id = 0;
  // When its worker began the call, and the operation that it does for it.
  std::atomic<Nanoseconds> begun = 0;
  std::atomic<Nanoseconds> operation_start = 0;
  // By which its call is handled; kept by the worker for as long as the place has the call.
  std::atomic<const Terms*> terms = nullptr;
  // Its worker is told of listeners that have ended, or that memory is short.
  std::atomic<bool> has_ended = false;
  std::atomic<bool> is_shortage_told = false;
  // Of what came from the exclusive listeners.
  ReceiveDelays receive_delays;

  // Of the worker's thread; with the mutex, or by the worker.
  [[nodiscard]] Nanoseconds cpu_time() const {
    timespec time = {};
    clock_gettime(cpu_clock, &time);
    return time.tv_sec * kSecond + time.tv_nsec;
  }
  [[nodiscard]] Nanoseconds operation_age() const { return now() - operation_start.load(); }

  // Notes its next listener, before the key.
  void note(const Listener& from, Nanoseconds time, bool too_few) {
    container.store(from.container.get(), std::memory_order_relaxed);
    pace.store(from.container->pace(time, too_few), std::memory_order_relaxed);
    sender.store(from.container->sender->number, std::memory_order_relaxed);
    count_call();
  }
  // Of the worker's thread.
  void count_call() {
    calls.store(calls.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // Marks the call that the watchdog saw last, with the mutex held, which the worker needs to end a
  // marked call. False: the worker has ended that call, or is just ending it.
  [[nodiscard]] bool mark_overdue() {
    std::uint64_t marked = key.load();
    if (marked == 0 || calls.load() != seen_calls) return false;
    if (!key.compare_exchange_strong(marked, marked | CallKey::kOverdue)) return false;
    if (calls.load() == seen_calls) return true;
    // the next call of that thread, which has the same key
    key.fetch_and(~CallKey::kOverdue);
    return false;
  }

  // The rest is under the receiver's mutex. Null: the place is free.
  Worker* worker = nullptr;
  // Of the worker: by which events name it, its thread, and what it shares with JavaScript.
  std::uint32_t worker_id = 0;
  pid_t tid = 0;
  clockid_t cpu_clock = CLOCK_THREAD_CPUTIME_ID;
  Inbox* inbox = nullptr;
  // Whether it is one of the workers that may run.
  bool is_counted = false;
  // Listeners of whose end it has not heard.
  std::deque<std::uint32_t> ended = {};
  // It sleeps until it is called.
  std::condition_variable wake = {};
  bool is_called = false;
  // While it is lost.
  std::shared_ptr<Container> lost_for = {};
  // A newer notification of the thread whose call this worker has.
  std::optional<Pending> parked;
  // Of the watchdog: the call that it saw last, or that there was none.
  std::uint32_t seen_calls = 0;
  bool was_idle = true;
  Nanoseconds seen_cpu = 0;
  // Of its call, see WorkerTime.
  Nanoseconds kept_time = 0;
  CallWatch watch;
  bool is_overdue = false;
};

// Facts by which a container gets workers.
struct Claim {
  Pace pace;
  // It has shown that it is quick, even if it is not always.
  bool is_known;
  // No other one waits for a worker.
  bool is_alone;
};

// Calls of workers at a moment, seen from one container: by that it gets one more, or has to wait.
struct InFlight {
  std::size_t workers = 0;
  // As many as are wanted, of which some may have been ended and not be replaced yet.
  std::size_t wanted = 0;
  // Calls of all containers, and of those of each pace.
  std::size_t all = 0;
  std::array<std::size_t, kPaces> of_pace = {};
  // Of this one, and those of them that wait for a helper.
  std::size_t own = 0;
  std::size_t own_awaiting = 0;
  // More workers, which are to end, and in whose places there is nobody yet.
  std::size_t ending = 0;

  // Number of workers that one container may have at once.
  [[nodiscard]] std::size_t own_share(const Claim& claim) const;
  [[nodiscard]] bool may_take(const Claim& claim) const;
  // `key`: of the place, and not 0.
  void count(const Place& place, std::uint64_t key, const Container& container);
};

}  // namespace seccompagent
