// SPDX-License-Identifier: Apache-2.0
// What /proc says of a thread that waits for an answer, see proc(5).
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "result.h"
#include "unique_fd.h"

namespace seccompagent {

// When a thread started, in clock ticks since boot, see proc_pid_stat(5). ESRCH or ENOENT: it has
// ended.
[[nodiscard]] Result<std::uint64_t> thread_start_time(pid_t tid);

// Whether only a signal that kills can wake it: its filter has
// SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV and the call was received.
[[nodiscard]] bool waits_for_its_end(pid_t tid);

// Opened once, to be looked at right before and after an answer. A thread that has ended, or that
// we may not look at, is taken for one that waits.
class CallerState {
 public:
  explicit CallerState(pid_t tid);

  // It does not wait any more: something has woken it.
  [[nodiscard]] bool is_awake() const;
  // A signal is about to interrupt it.
  [[nodiscard]] bool has_pending_signal() const;

 private:
  UniqueFd wait_channel_;
  UniqueFd status_;
};

}  // namespace seccompagent
