// SPDX-License-Identifier: Apache-2.0
// A helper that has become one caller for good, in that caller's user namespace, and acts on files.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "helper/wire.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Until the agent has closed its end; the exit code. `fds` came with the start, `message` is room.
[[nodiscard]] int serve_files(const HelperStart& start, std::vector<UniqueFd> fds,
                              std::span<std::byte> message);

}  // namespace seccompagent
