// SPDX-License-Identifier: Apache-2.0
// The labels of callers (label.h).
#pragma once

#include <sys/types.h>

#include "caller/label.h"
#include "kernel/result.h"

namespace seccompagent {

// That of a thread where it is not ours. ESRCH or ENOENT: the thread has ended. E2BIG: it is longer
// than what a thread can take on.
[[nodiscard]] Result<Label> foreign_label(pid_t tid);

}  // namespace seccompagent
