// SPDX-License-Identifier: Apache-2.0
// The owner of a process, and the first process of its container.
#pragma once

#include <sys/types.h>

namespace seccompagent {

// Whether a process is a user's: it runs as this user, or in a user namespace that this user has
// made, or in one below that. False also when it has ended.
[[nodiscard]] bool is_process_of(pid_t process, uid_t user);

// The first process of the pid namespace of a process's children. 0: the kernel does not tell,
// which it does since Linux 6.11, or there is none.
[[nodiscard]] pid_t first_process_beside(pid_t process);

}  // namespace seccompagent
