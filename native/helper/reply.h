// SPDX-License-Identifier: Apache-2.0
// Answers of a helper of any role to the agent, and its questions to the kernel about a call.
#pragma once

#include <atomic>
#include <cstdint>

#include "files/file_operation.h"
#include "helper/wire.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Ends the helper if nobody is left to hear it.
void reply(const HelperAnswer& answer);

// The same, with a descriptor that is the agent's alone when it has the answer. The agent takes it
// by its number: a message would have it in flight, of which the caller's user may have so many
// already that the kernel takes no more, see ETOOMANYREFS in unix(7).
void reply_with(HelperAnswer answer, UniqueFd fd);

// The same of what is only looked up: the agent does not wait until it is its own alone, which
// `let_go` counts.
void reply_with(HelperAnswer answer, UniqueFd fd, std::atomic<std::uint32_t>& let_go);

// It begins to wait for another process, and is not done.
void reply_waiting();

// The helper's own failure.
[[nodiscard]] HelperAnswer failed_reply(const char* step, Errno error);

// Whether the caller still waits, by the listener that came along.
class AskedNotification : public Validity {
 public:
  AskedNotification(int listener, std::uint64_t request, std::uint64_t id)
      : listener_(listener), request_(request), id_(id) {}
  [[nodiscard]] bool is_gone() const override;

 private:
  int listener_;
  std::uint64_t request_;
  std::uint64_t id_;
};

}  // namespace seccompagent
