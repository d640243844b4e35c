// SPDX-License-Identifier: Apache-2.0
// Whose a process is.
#pragma once

#include <sys/types.h>

namespace seccompagent {

// Whether a process is a user's: it runs as this user, or in a user namespace that this user has
// made, or in one below that. False also when it has ended.
[[nodiscard]] bool is_process_of(pid_t process, uid_t user);

}  // namespace seccompagent
