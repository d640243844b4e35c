// SPDX-License-Identifier: Apache-2.0
// The owner of a process. While a process executes a program, the kernel closes its files, which a
// file system of its own may put off for ever; whoever asks for its namespaces waits until then,
// and cannot be killed meanwhile. So no thread asks that others need.
#pragma once

#include <sys/types.h>

#include "kernel/unique_fd.h"

namespace seccompagent {

// Whether a process is a user's: it runs as this user, or in a user namespace that this user has
// made, or in one below that. False also when it has ended.
[[nodiscard]] bool is_process_of(pid_t process, uid_t user);
[[nodiscard]] bool is_process_of(const UniqueFd& pidfd, uid_t user);

}  // namespace seccompagent
