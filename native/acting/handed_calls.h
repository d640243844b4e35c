// SPDX-License-Identifier: Apache-2.0
// Calls that were handed over to helpers, which answer them: no thread of ours waits for one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "acting/helper.h"
#include "caller/target.h"
#include "kernel/clock.h"
#include "kernel/notify.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

struct CallResult {
  // The errno that the call has got, 0 or positive.
  int error = 0;
  // The notification was gone.
  bool is_gone = false;
  // The helper has failed, and the call has got `HandedCall::failure`.
  bool has_failed = false;
  // When it was answered.
  Nanoseconds time = 0;
};

class HandedCall {
 public:
  // `listener`: keeps the descriptor of the call open.
  HandedCall(const CallId& call, std::shared_ptr<const void> listener, const Response& failure)
      : call_(call), listener_(std::move(listener)), failure_(failure) {}

  // Nothing: it is not answered yet. Any thread may ask.
  [[nodiscard]] std::optional<CallResult> result() const;

 private:
  friend class HandedCalls;
  void settle(const CallResult& result);
  [[nodiscard]] std::optional<CallResult> seen() const;

  const CallId call_;
  const std::shared_ptr<const void> listener_;
  // The answer where the helper fails.
  const Response failure_;
  std::shared_ptr<CompletionMemory> completion_;
  std::uint32_t number_ = 0;
  CallResult result_;
  std::atomic<bool> is_settled_ = false;
};

// Of the process. A thread of its own ends helpers whose callers are gone or whose file system
// never answers, and opens for them what only the agent may open.
class HandedCalls {
 public:
  // Calls that wait for another process, as for the other end of a FIFO: of one payer, and of all.
  static constexpr std::size_t kMaxWaiting = 64;
  static constexpr std::size_t kMaxWaitingOfAll = 512;
  // How long a file system may take.
  static constexpr Nanoseconds kPatience = 10 * kSecond;

  [[nodiscard]] static HandedCalls& of_process();

  // Once for all.
  void start();
  // A helper of this identity that has answered its call; nullptr: there is none.
  [[nodiscard]] std::unique_ptr<Helper> take(const HelperIdentity& identity);
  // `fds` come behind the listener, and are closed before the helper begins. `message`: empty where
  // the helper has the call already, and waits for another process. EPIPE: the helper has ended,
  // and nobody answers the call. ENFILE: too many of its payer's wait.
  [[nodiscard]] Result<void> hand_over(std::unique_ptr<Helper> helper,
                                       const std::shared_ptr<HandedCall>& call,
                                       std::span<const std::byte> message,
                                       std::vector<UniqueFd> fds);
  // Of a helper that is about to answer the agent.
  void unwatch(Helper& helper);
  // Gives helpers that have answered back to the pool.
  void collect();
  // Ends those of a container that has ended.
  void end_of(std::uint32_t container);
  // Without us, nobody would answer: what waits for another process is interrupted, and what waits
  // for a file system gets the time that is left.
  void answer_all();

 private:
  struct Parts;
  HandedCalls();
  Parts& parts_;
};

}  // namespace seccompagent
