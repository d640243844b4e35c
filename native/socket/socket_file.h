// SPDX-License-Identifier: Apache-2.0
// The file of the agent socket, see unix(7).
#pragma once

#include <string>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// A socket at that path, which nobody but its owner can connect to. A socket file that nobody
// listens on is replaced. EADDRINUSE: another agent listens there. ENOTSOCK: the path is something
// else than a socket.
[[nodiscard]] Result<UniqueFd> bind_socket_file(const std::string& path);

}  // namespace seccompagent
