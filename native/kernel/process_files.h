// SPDX-License-Identifier: Apache-2.0
// Files of procfs about processes that a pidfd stands for, see proc(5).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// All of a file, whatever its size says.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

// Looks at the processes of the machine, as procfs shows them, until `wants_more` says no. False:
// not all could be listed.
[[nodiscard]] bool each_process(const std::function<bool(pid_t)>& wants_more);

// ESRCH: it has ended.
[[nodiscard]] Result<pid_t> pid_of(const UniqueFd& pidfd);

// /proc/PID/NAME of that process and of no other that got its number. ESRCH: it has ended.
[[nodiscard]] Result<UniqueFd> open_of_process(const UniqueFd& pidfd, const char* name);
[[nodiscard]] Result<std::string> read_of_process(const UniqueFd& pidfd, const char* name);

}  // namespace seccompagent
