// SPDX-License-Identifier: Apache-2.0
// The POSIX access control list of a socket file, see acl(5).
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "result.h"

namespace seccompagent {

// Lets these users connect to a socket file besides its owner, and nobody else: its group has no
// access, although stat(2) shows the list's mask in place of the group's bits (0660).
// `users`: without the owner. ENOTSOCK: the path is no socket. EOPNOTSUPP: the file system keeps no
// access control lists.
[[nodiscard]] Result<void> allow_users(const std::string& path, std::span<const uid_t> users);

}  // namespace seccompagent
