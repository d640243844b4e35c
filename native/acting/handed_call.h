// SPDX-License-Identifier: Apache-2.0
// One call that was handed over to a helper, which answers it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "acting/helper.h"
#include "caller/target.h"
#include "helper/wire.h"
#include "kernel/border.h"
#include "kernel/clock.h"
#include "kernel/notify.h"
#include "kernel/payer.h"
#include "kernel/unique_fd.h"
#include "process/callers_fd.h"

namespace seccompagent {

struct CallResult {
  // The errno that the call has got, 0 or positive.
  int error = 0;
  // The notification was gone.
  bool is_gone = false;
  HelperFailure failure = HelperFailure::none;
  // When it was answered.
  Nanoseconds time = 0;
};

// A call that is ready to be handed over.
struct HandOver {
  std::unique_ptr<Helper> helper;
  // Empty: the helper has the call already, and waits for another process.
  std::vector<std::byte> message;
  // They come behind the listener.
  std::vector<UniqueFd> fds;
  // Of what the helper waits for: the flags of the call.
  bool is_close_on_exec = false;
};

// The way to a caller whose call a signal may take back, so that its program makes it again.
class ComingAgain {
 public:
  virtual ~ComingAgain() = default;
  ComingAgain(const ComingAgain&) = delete;
  ComingAgain& operator=(const ComingAgain&) = delete;

  // Whether its thread waits for it, whichever notification it is by now; if it is gone, it has no
  // answer when it comes again.
  [[nodiscard]] virtual Awaited ask_awaited() = 0;
  // One that is lost is there for a while when the call comes again. `opened`: the answer, if it is
  // open, which waits for the caller, and is never held; `flush`: of that.
  virtual Arrival answer(const Response& response, UniqueFd opened, Flush flush) = 0;
  // It has no answer when it comes again.
  virtual void forget() = 0;

 protected:
  ComingAgain() = default;
};

// Any thread may ask and answer.
class HandedCall : public std::enable_shared_from_this<HandedCall> {
 public:
  // `listener`: keeps the descriptor of the call open.
  HandedCall(const CallId& call, std::shared_ptr<const void> listener, const Response& failure,
             Payer payer, std::unique_ptr<ComingAgain> again = nullptr)
      : call_(call),
        listener_(std::move(listener)),
        failure_(failure),
        payer_(payer),
        again_(std::move(again)) {}

  // Nothing: it is not answered yet.
  [[nodiscard]] std::optional<CallResult> result() const;
  // The helper's answer alone, as long as it has no other call.
  [[nodiscard]] std::optional<CallResult> seen() const;
  // The helper has begun to answer, and is not done.
  [[nodiscard]] bool is_being_answered() const;
  // The helper has sent its answer.
  [[nodiscard]] bool is_answered() const;
  // Its container has not kept us from asking lately.
  [[nodiscard]] bool may_be_asked() const;
  // Whether its caller waits; one that comes again and is gone is forgotten. Unknown: its container
  // keeps us from asking.
  [[nodiscard]] Awaited ask_awaited();
  [[nodiscard]] pid_t tid() const { return call_.tid; }
  // The helper reports what came of it, and we answer.
  [[nodiscard]] bool comes_again() const { return again_ != nullptr; }
  // The right to answer; false: it was answered otherwise. To be claimed before the helper has
  // another call.
  [[nodiscard]] bool claim();
  void complete(const HelperAnswer& answer, UniqueFd opened);
  [[nodiscard]] Payer payer() const { return payer_; }

  // In place of the helper, where it has not begun to answer. False: it has, or will have.
  bool answer(const Response& response, const CallResult& result);
  bool answer_error(int error) {
    return answer({.value = 0, .error = -error, .is_continue = false}, {.error = error});
  }
  // Also if the helper has begun to answer: it has ended. The kernel takes one answer.
  void answer_anyway(const Response& response, const CallResult& result);
  bool fail(HelperFailure why) { return answer(failure_, {.failure = why}); }
  void fail_anyway(HelperFailure why) { answer_anyway(failure_, {.failure = why}); }
  // In a pause of its container, which has interrupted the caller: the kernel makes the call anew.
  void restart();
  // A signal for the caller ends its wait, and so does a pause of its container; `status`: of
  // /proc/TID/status. False: there is none that is this thread's to take, or the helper has
  // answered.
  bool interrupt(std::string_view status, bool is_paused);
  // Result; the first one counts.
  void settle(const CallResult& result);

 private:
  friend class HandedCalls;
  void answer_with(const Response& response, const CallResult& result, UniqueFd opened,
                   Flush flush);
  // False: its listener is held.
  [[nodiscard]] bool try_to_answer(const Response& response, const CallResult& result,
                                   UniqueFd opened, Flush flush);
  const CallId call_;
  const std::shared_ptr<const void> listener_;
  // The answer where the helper fails.
  const Response failure_;
  const Payer payer_;
  // nullptr: only the end of its thread takes it back.
  const std::unique_ptr<ComingAgain> again_;
  std::shared_ptr<CompletionMemory> completion_;
  std::uint32_t number_ = 0;
  // Signals of the process that were there at the last look: another thread may take them.
  std::uint64_t signals_ = 0;
  // At the last look, its container was.
  bool was_paused_ = false;
  // Its container kept us from asking: not before that.
  Nanoseconds ask_again_at_ = 0;
  CallResult result_;
  std::atomic_flag is_claimed_;
  std::atomic<bool> is_settled_ = false;
};

}  // namespace seccompagent
