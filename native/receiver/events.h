// SPDX-License-Identifier: Apache-2.0
// Events for the main thread, in the order in which they happened.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "kernel/border.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// One event for the main thread.
struct ReceiverEvent {
  using Kind = ReceiverEventKind;
  Kind kind;
  // Of the listener or the process.
  std::uint32_t token;
  // Overdue or broken: which worker, and 1 + the place of the handler in its chain.
  std::uint32_t worker = 0;
  std::uint32_t link = 0;
  // For how long that handler is quarantined from now on; 0: it is not, or it is so already.
  std::uint32_t quarantine_ms = 0;
};

// Any thread tells, the main thread takes. Its lock is the last one in the order of locks.
class EventQueue {
 public:
  [[nodiscard]] Result<void> open();
  // The read end of a pipe with a byte in it when there may be events; once.
  [[nodiscard]] UniqueFd take_wake_fd() { return std::move(wake_read_); }

  void tell(const ReceiverEvent& event);
  // That calls wait for one more worker: once until there is one, or some worker has nothing to do.
  void tell_crowded();
  void forget_crowded() { is_crowded_told_.store(false); }

  [[nodiscard]] std::optional<ReceiverEvent> next();

 private:
  UniqueFd wake_read_;
  UniqueFd wake_write_;
  std::atomic<bool> is_crowded_told_ = false;
  std::mutex mutex_;
  std::deque<ReceiverEvent> events_;
};

}  // namespace seccompagent
