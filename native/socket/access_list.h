// SPDX-License-Identifier: Apache-2.0
// The POSIX access control list of a socket file, see acl(5).
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Holds a socket file: a path that somebody exchanges must not open another file to users.
// ENOTSOCK: the path is no socket.
[[nodiscard]] Result<UniqueFd> hold_socket_file(const std::string& path);

// Lets these users connect to a socket file besides its owner, and nobody else: its group has no
// access, although stat(2) shows the list's mask in place of the group's bits (0660).
// `users`: without the owner. EOPNOTSUPP: the file system keeps no access control lists.
[[nodiscard]] Result<void> allow_users(int file, std::span<const uid_t> users);

}  // namespace seccompagent
