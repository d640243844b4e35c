// SPDX-License-Identifier: Apache-2.0
// A helper that stays root in our user namespace, and makes and changes mounts for the callers of
// one container.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kernel/unique_fd.h"

namespace seccompagent {

// Until the agent has closed its end; the exit code. `fds` came with
// the start, `message` is room.
[[nodiscard]] int serve_mounts(const std::vector<UniqueFd>& fds, std::span<std::byte> message);

}  // namespace seccompagent
