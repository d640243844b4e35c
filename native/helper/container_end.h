// SPDX-License-Identifier: Apache-2.0
// The end of a helper's container: whoever removes a container's cgroup as soon as its last process
// has ended does not find a helper there.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "kernel/message.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

class ContainerEnd {
 public:
  // Closed: nobody tells.
  explicit ContainerEnd(UniqueFd listener) : listener_(std::move(listener)) {}

  // The agent's next message. EPIPE: there is none, and no other is taken any more: the agent has
  // closed its end, or the container has ended.
  [[nodiscard]] Result<ReceivedMessage> receive(std::span<std::byte> into) const;

 private:
  UniqueFd listener_;
};

}  // namespace seccompagent
