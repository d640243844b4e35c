// SPDX-License-Identifier: Apache-2.0
// What tells a process from others that get its number later.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "kernel/unique_fd.h"

namespace seccompagent {

// No other process has it until the machine starts anew: the inode of its pidfd, since Linux 6.9,
// before that the time when it began. None: it has ended, and was waited for. To ask waits for
// nobody since 6.9: a process that executes a program may keep whoever reads its `stat` waiting.
[[nodiscard]] std::optional<std::uint64_t> identity_of(pid_t process);
[[nodiscard]] std::optional<std::uint64_t> identity_of(const UniqueFd& pidfd);

// The same of a thread, and waits for nobody whatever the kernel: before 6.9 all have the same.
[[nodiscard]] std::optional<std::uint64_t> identity_of_thread(pid_t tid);

}  // namespace seccompagent
