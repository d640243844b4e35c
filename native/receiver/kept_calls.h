// SPDX-License-Identifier: Apache-2.0
// Calls of one listener that nobody handles: those with late answers, those that a helper waits
// for, and those whose answers a signal kept from their callers.
//
// A signal takes a call back (without SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), and the kernel makes
// it again as a new notification. What was done for it must not be done twice, and what it waits
// for must not start anew, so it goes on with the answer or the due time that it had.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "kernel/clock.h"
#include "kernel/notify.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "process/callers_fd.h"

namespace seccompagent {

// Time for which the answer to a call that a signal took back is kept for it.
inline constexpr Nanoseconds kLostFor = 60 * kSecond;
// The same in a container that was frozen: somebody wants to look into it first.
inline constexpr Nanoseconds kFrozenFor = kSecond * 3600 * 24 * 7;
// Time for the kernel to take a call back when a signal has come.
inline constexpr Nanoseconds kSignalTime = 2 * kMillisecond;

// The same where the answer is a descriptor, which keeps a file system of the container busy.
inline constexpr Nanoseconds kLostFdFor = 5 * kSecond;

// A descriptor of ours of which the caller gets a copy as its answer.
struct GivenFd {
  CallersFd fd;
  bool is_close_on_exec;
};

// Content of a notification, but for its id, and its program: two of one thread with the same
// content are the same call. A program that was executed meanwhile gets no answer of the one
// before: it may have other rights.
struct CallContent {
  Notification notification;
  // Of what its pointers said, as far as they were read.
  std::uint64_t memory_hash;
  // CallerState::read_program while the notification was valid; empty: nobody knows, and it is the
  // same as none.
  std::string program;

  [[nodiscard]] bool is_same_call(const CallContent& other) const;
};

// An answer that did not reach its caller.
struct LostAnswer {
  Response response;
  Nanoseconds until;
  // Set if it is a descriptor.
  std::shared_ptr<GivenFd> given = nullptr;
};

// Number of calls kept for a payer, whichever of its containers and listeners they are of.
struct KeptCount {
  std::atomic<std::size_t> all = 0;
  std::atomic<std::size_t> late = 0;
  std::atomic<std::size_t> given = 0;
};

class KeptCalls {
 public:
  explicit KeptCalls(std::shared_ptr<KeptCount> of_payer = std::make_shared<KeptCount>())
      : of_payer_(std::move(of_payer)) {}
  KeptCalls(const KeptCalls&) = delete;
  KeptCalls& operator=(const KeptCalls&) = delete;
  ~KeptCalls();

  // Treatment of a notification of a thread that has a kept call.
  struct Match {
    enum class Kind {
      // It is another call, or there was none: a call like any other.
      none,
      // To be answered now, with this.
      answer,
      // Its answer is sent when it is due; there is nothing more to do.
      wait,
    } kind;
    Response response;
    // Set if the answer is a descriptor.
    std::shared_ptr<GivenFd> given = nullptr;
  };

  // An answer that is sent when it is due. False: there are too many.
  [[nodiscard]] bool keep_late(const CallContent& call, const Response& response, Nanoseconds due);
  // One whose answer nobody knows yet, see `complete`. Its number; 0: there are too many.
  [[nodiscard]] std::uint64_t keep_awaited(const CallContent& call);
  // Newest notification of that call; nothing: its thread has made another one.
  [[nodiscard]] std::optional<std::uint64_t> awaited_id(pid_t tid, std::uint64_t number);
  void forget_awaited(pid_t tid, std::uint64_t number);
  // Forgets it, unless its newest notification is there. Whether it is forgotten, or was before: a
  // call that comes again afterwards begins anew.
  template <typename IsValid>
  [[nodiscard]] bool forget_unless(pid_t tid, std::uint64_t number, IsValid is_valid) {
    const std::lock_guard lock(mutex_);
    const auto found = find_awaited(tid, number);
    if (found == calls_.end()) return true;
    if (is_valid(found->second.call.notification.id)) return false;
    erase(found);
    return true;
  }
  // Keeps its answer, which did not arrive at this notification, as lost. False: it has a newer
  // one.
  [[nodiscard]] bool lose_awaited(pid_t tid, std::uint64_t number, std::uint64_t id,
                                  LostAnswer& answer);
  // Sends its answer, with the lock held: its notification may be replaced by a newer one at any
  // time. `send`, which must not wait, says what has become of it; one that is lost is kept as
  // lost.
  template <typename Send>
  Arrival complete(pid_t tid, std::uint64_t number, LostAnswer& answer, Send send) {
    const std::lock_guard lock(mutex_);
    const auto found = find_awaited(tid, number);
    if (found == calls_.end()) return Arrival::lost;
    const Arrival arrival = send(found->second.call.notification.id);
    if (arrival == Arrival::arrived) erase(found);
    if (arrival == Arrival::lost) lose(found, std::move(answer));
    return arrival;
  }
  // An answer that did not reach its caller, for the case that the call comes again before `until`.
  // False: it is not kept.
  bool keep_lost(const CallContent& call, const Response& response, Nanoseconds until,
                 std::shared_ptr<GivenFd> given = nullptr);

  // Takes a notification that may be a kept call. What does not match is forgotten: a thread that
  // makes another call does not come back to this one. An `answer` has to be reported by
  // `answered`.
  [[nodiscard]] Match find(const CallContent& call);
  // Whether there was one.
  bool forget(pid_t tid);
  // Of this notification alone: its thread may have another call by now.
  void forget(pid_t tid, std::uint64_t id);
  [[nodiscard]] bool has(pid_t tid);
  // Whether something is to be done for a thread's call at this time.
  [[nodiscard]] bool is_due_at(pid_t tid, Nanoseconds time);

  // Drops the lost answer of a thread if its time is over, and else sends the late one if it is
  // due, with the lock held: its notification may be replaced by a newer one at any time. `send`
  // says what has become of it; one that is lost is kept as lost.
  template <typename Send>
  void answer_due(pid_t tid, Nanoseconds time, Nanoseconds until, Send send) {
    const std::lock_guard lock(mutex_);
    const auto found = calls_.find(tid);
    if (found == calls_.end()) return;
    const Kept& kept = found->second;
    if (kept.due == 0) {
      if (kept.until <= time) erase(found);
      return;
    }
    if (kept.due > time) return;
    const Arrival arrival = send(kept.call.notification.id, kept.response);
    if (arrival == Arrival::arrived) erase(found);
    if (arrival == Arrival::lost) lose(found, {.response = kept.response, .until = until});
  }
  // Whether there is anything: may be asked without the lock.
  [[nodiscard]] bool is_empty() const { return count_.load() == 0; }
  [[nodiscard]] std::size_t late_count();

 private:
  struct Kept {
    // With a hash in place of the program.
    CallContent call;
    Response response;
    // Late answers: when they are sent; kAwaited: nobody knows. 0: it is lost already.
    Nanoseconds due;
    Nanoseconds until;
    std::shared_ptr<GivenFd> given = nullptr;
    // Of an awaited one.
    std::uint64_t number = 0;
  };
  static constexpr Nanoseconds kAwaited = std::numeric_limits<Nanoseconds>::max();

  using Calls = std::map<pid_t, Kept>;

  [[nodiscard]] bool has_share() const;
  void put(Kept kept);
  void end_being_late();
  void erase(Calls::iterator call);
  void lose(Calls::iterator call, LostAnswer answer);
  [[nodiscard]] Calls::iterator find_awaited(pid_t tid, std::uint64_t number);
  void drop_expired(Nanoseconds time);

  std::mutex mutex_;
  Calls calls_;
  std::uint64_t last_number_ = 0;
  std::size_t late_count_ = 0;
  const std::shared_ptr<KeptCount> of_payer_;
  std::atomic<std::size_t> count_ = 0;
};

}  // namespace seccompagent
