// SPDX-License-Identifier: Apache-2.0
// Our own procfs, whatever the root and the mount namespace are by now.
#pragma once

#include "kernel/result.h"

namespace seccompagent {

// Opens it for the life of the process. EACCES: /proc is none.
[[nodiscard]] Result<void> open_own_processes();
// An O_PATH descriptor; -1: it was not opened.
[[nodiscard]] int own_processes();

}  // namespace seccompagent
