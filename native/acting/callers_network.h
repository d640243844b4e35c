// SPDX-License-Identifier: Apache-2.0
// A thread of ours in a caller's network namespace, for one operation.
#pragma once

#include "caller/target.h"
#include "files/file_operation.h"

namespace seccompagent {

// Made before the thread takes the caller's role (thread_role.h), and ends after it; entered in it.
class CallersNetwork : public Crossing {
 public:
  // Opens ours, to come back there; before any thread acts.
  [[nodiscard]] static Result<void> know_own();
  explicit CallersNetwork(const CallId& call);
  CallersNetwork(const CallersNetwork&) = delete;
  CallersNetwork& operator=(const CallersNetwork&) = delete;
  // As with ThreadRole: a thread that can't come back must not go on.
  ~CallersNetwork() override;

  [[nodiscard]] bool is_entered() const override { return is_entered_; }
  // ESRCH: the notification is gone. EINVAL: the caller does not lead its process, and Linux is
  // older than 6.9.
  [[nodiscard]] Result<void> enter() override;

 private:
  const CallId& call_;
  int own_;
  bool is_entered_ = false;
};

}  // namespace seccompagent
