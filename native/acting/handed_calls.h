// SPDX-License-Identifier: Apache-2.0
// Calls that were handed over to helpers, which answer them: no thread of ours waits for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "acting/handed_call.h"
#include "acting/helper.h"
#include "kernel/clock.h"
#include "kernel/payer.h"

namespace seccompagent {

// Of the process. A thread of its own ends helpers whose callers are gone or whose file system
// never answers, and opens for them what only the agent may open.
class HandedCalls {
 public:
  // Calls that wait for another process, as for the other end of a FIFO: of one payer, and of all.
  static constexpr std::size_t kMaxWaiting = 64;
  static constexpr std::size_t kMaxWaitingOfAll = 512;
  // Calls that are not answered yet, but those: whoever has more waits for them itself, as do
  // others where all together have so many. The rest of the pool's helpers are for these.
  static constexpr std::size_t kMaxActing = 16;
  static constexpr std::size_t kMaxActingOfAll = 32;
  // Time limit for a file system.
  static constexpr Nanoseconds kPatience = 10 * kSecond;

  [[nodiscard]] static HandedCalls& of_process();

  // Once for all.
  void start();
  // Whether one more call may be handed over for this payer.
  [[nodiscard]] bool may_take(Payer payer) const;
  // A helper of this identity that has answered its call; nullptr: there is none.
  [[nodiscard]] std::unique_ptr<Helper> take(const HelperIdentity& identity);
  // Sent descriptors are closed before the helper begins. If the helper has ended, or too many of
  // its payer's wait already (ENFILE), the call is answered at once.
  void hand_over(HandOver ready, const std::shared_ptr<HandedCall>& call);
  // Of a helper that is about to answer the agent.
  void unwatch(Helper& helper);
  // Gives helpers that have answered back to the pool.
  void collect();
  // Ends those of a container that has ended; in the thread, since that may take a moment.
  void end_of(std::uint32_t container);
  // Without us, nobody would answer: what waits for another process is interrupted, and what waits
  // for a file system gets the time that is left.
  void answer_all();

 private:
  struct Parts;
  class Locked;
  HandedCalls();
  Parts& parts_;
};

}  // namespace seccompagent
