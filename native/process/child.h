// SPDX-License-Identifier: Apache-2.0
// Child processes that share our memory: cheap to start, and bounded in time.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <optional>

#include "kernel/clock.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Code that runs in such a child may only make raw system calls (raw_syscall.h): it shares errno,
// the heap and every lock with us. Sanitizers and stack protectors keep state it must not touch.
#define SECCOMPAGENT_CHILD_CODE \
  __attribute__((noinline, no_sanitize("address", "undefined"), no_stack_protector))

// An anonymous mapping with an inaccessible page below it.
class ChildStack {
 public:
  [[nodiscard]] static Result<ChildStack> make();
  ChildStack(ChildStack&& other) noexcept;
  ChildStack& operator=(ChildStack&&) = delete;
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;
  ~ChildStack();

  [[nodiscard]] void* top() const;
  [[nodiscard]] void* bottom() const;

 private:
  explicit ChildStack(void* base) : base_(base) {}
  void* base_;
};

struct ChildProcess {
  pid_t pid;
  UniqueFd pidfd;
};

using ChildMain = int (*)(void* argument);

// Starts `main(argument)` in a child with its own descriptors, file system context, credentials
// and pid, every signal blocked. Both must outlive the child. Its descriptors are copies of ours:
// where containers' files may be among them, ChildStarter starts it.
[[nodiscard]] Result<ChildProcess> start_child(const ChildStack& stack, ChildMain main,
                                               void* argument);

// The same with our descriptors: what it opens and closes, it does for us. Its end closes none.
[[nodiscard]] Result<ChildProcess> start_sharing_child(const ChildStack& stack, ChildMain main,
                                                       void* argument);

// As start_child, for who watches it in another way. Its pid.
[[nodiscard]] Result<pid_t> start_unwatched_child(const ChildStack& stack, ChildMain main,
                                                  void* argument);

// Time limits of a child.
struct Patience {
  Nanoseconds max;
  // Says whether somebody waits for our thread: then it may take only that long.
  const std::atomic<bool>* is_needed = nullptr;
  Nanoseconds max_if_needed = 0;
  // Where this becomes `begun`, it may take no longer; looked at by those who ask helpers, or wait
  // until there may be one.
  const std::atomic<Nanoseconds>* given_up = nullptr;
  Nanoseconds begun = 0;
  // Told while somebody else does what the thread waits for, and will be ended at the deadline: see
  // ChildWait.
  std::atomic<bool>* is_awaiting = nullptr;

  [[nodiscard]] bool is_given_up() const {
    return given_up != nullptr && given_up->load() == begun;
  }
};

// As long as it is there, the thread waits for a child, and not for a container itself.
class ChildWait {
 public:
  explicit ChildWait(const Patience& patience) : told_(patience.is_awaiting) {
    if (told_ != nullptr) before_ = told_->exchange(true);
  }
  ChildWait(const ChildWait&) = delete;
  ChildWait& operator=(const ChildWait&) = delete;
  ~ChildWait() {
    if (told_ != nullptr) told_->store(before_);
  }

 private:
  std::atomic<bool>* const told_;
  bool before_ = false;
};

// Whether a process or thread has a processor or waits for nothing else; false if nobody can tell.
[[nodiscard]] bool is_runnable(pid_t task);
// Whether it waits for something that a signal may end, see proc_pid_stat(5).
[[nodiscard]] bool is_asleep(pid_t task);
// It waits, and no signal ends that.
[[nodiscard]] bool is_uninterruptible(pid_t task);

// For how long a process or thread has had a processor; 0 if nobody can tell.
[[nodiscard]] Nanoseconds computed_by(pid_t task);

// Time that a child has taken of its deadline: the time that it waited for a processor does not
// count, and the time that it had one does.
class TimeTaken {
 public:
  // Beyond any delay of a scheduler.
  static constexpr Nanoseconds kMaxUnscheduled = 20 * kSecond;

  // Maximum time that one look stands for: the looking thread may have waited for a processor, too.
  static constexpr Nanoseconds kMaxSeen = 100 * kMillisecond;

  // To be called often: whether it was runnable since the last time, and what it has computed so
  // far.
  void note(bool was_runnable, Nanoseconds max_seen = kMaxSeen, Nanoseconds computed = 0);
  // Until it is over, if it is not runnable; 0: it is.
  [[nodiscard]] Nanoseconds left(const Patience& patience) const;
  // While it was not runnable, as far as anybody has looked.
  [[nodiscard]] Nanoseconds counted() const { return counted_; }
  [[nodiscard]] Nanoseconds age() const { return now() - begun_; }

 private:
  Nanoseconds begun_ = now();
  Nanoseconds noted_ = begun_;
  Nanoseconds counted_ = 0;
  // None: it has done other things before.
  std::optional<Nanoseconds> computed_ = std::nullopt;
};

// Time for a killed child to die: a task in uninterruptible sleep may take for ever.
inline constexpr Nanoseconds kDying = kSecond;

// Waits until the child has ended. ETIMEDOUT: it was killed at the deadline and has ended.
// EBUSY: it was killed and still has not, so its memory must not be freed: see ending_children.h.
// `taken`: what others have taken of the same patience; their time and the child's are added up.
[[nodiscard]] Result<void> await_child(const ChildProcess& child, const Patience& patience,
                                       TimeTaken& taken);
[[nodiscard]] inline Result<void> await_child(const ChildProcess& child, const Patience& patience) {
  TimeTaken taken;
  return await_child(child, patience, taken);
}

}  // namespace seccompagent
