// SPDX-License-Identifier: Apache-2.0
// Children that are left to end: those that were killed, and those that close files. Some never do,
// in a file system that never answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "kernel/clock.h"
#include "kernel/payer.h"
#include "kernel/unique_fd.h"
#include "process/child.h"

namespace seccompagent {

// Notes for operators on containers that get no other child; most are helpers.
inline constexpr const char* kTooManyHang = "helpers: too many hang";

struct EndingChild {
  ChildProcess process;
  // Of the container for which it had lived.
  Payer payer = 0;
  // When it was killed, or began to close a file; later, if it was runnable after that.
  Nanoseconds since = 0;
  // Of one that has children itself, which hang on when it has ended: the write end of a pipe whose
  // read end they all hold, and nobody else.
  UniqueFd lifeline = {};
  // Our memory that it may still use.
  std::shared_ptr<void> used = {};
  bool is_reaped = false;
  bool hangs = false;
};

// Of the process. They are waited for by a thread, which there is once it was started.
class EndingChildren {
 public:
  // Of a payer: who has so many that hang gets no other.
  static constexpr std::size_t kMaxHanging = 8;
  // Of all payers: from here on, one is too many. No more hang then than these and one for each
  // payer, or hundreds of containers could use up the processes that the agent may have; and who
  // has none that hangs is not held up by those who have.
  static constexpr std::size_t kMaxHangingOfAll = 128;
  // The same for those that may end in a moment, since thousands could be started in a second: of a
  // payer, and of all, from where on a payer has as many as may hang. Whoever wants one
  // more waits: they may only wait for a processor.
  static constexpr std::size_t kMaxAtOnce = 64;
  static constexpr std::size_t kMaxAtOnceOfAll = 512;

  [[nodiscard]] static EndingChildren& of_process();

  // Once for all.
  void start();
  void add(EndingChild child);
  // Nothing: there is no child to be had.
  using Begin = std::function<std::optional<EndingChild>()>;
  // Adds what begins, for a payer; later, if it has too many or there is none to be had. Calls
  // `begin` until it gives one.
  void begin(Payer payer, Begin begin);
  // Those hang that have slept for a second; who only waits for a processor does not.
  [[nodiscard]] bool has_too_many_hanging(Payer payer) const;
  // Waits until a payer may have one more. False: too many hang, or the patience is over.
  [[nodiscard]] bool await_room(Payer payer, const Patience& patience);
  // Number of those that have not ended, or not begun; for tests.
  [[nodiscard]] std::size_t count() const;

 private:
  struct Parts;
  EndingChildren();
  [[nodiscard]] bool may_begin(Payer payer);
  Parts& parts_;
};

// Waits for a child as await_child does. If it can't be killed, which is ETIMEDOUT too, `used` is
// kept until it has ended.
template <typename Used>
[[nodiscard]] Result<void> await_or_leave(ChildProcess child, const Patience& patience, Payer payer,
                                          std::unique_ptr<Used>& used, TimeTaken& taken) {
  const auto ended = await_child(child, patience, taken);
  if (ended || ended.error() != Errno{EBUSY}) return ended;
  EndingChildren::of_process().add({.process = std::move(child),
                                    .payer = payer,
                                    .since = now() - kDying,
                                    .used = std::shared_ptr<Used>(std::move(used))});
  return fail(ETIMEDOUT);
}
template <typename Used>
[[nodiscard]] Result<void> await_or_leave(ChildProcess child, const Patience& patience, Payer payer,
                                          std::unique_ptr<Used>& used) {
  TimeTaken taken;
  return await_or_leave(std::move(child), patience, payer, used, taken);
}

}  // namespace seccompagent
