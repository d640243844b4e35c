// SPDX-License-Identifier: Apache-2.0
// What a container's first process does not see of proc and sysfs, read while it is that process.
#pragma once

#include <sys/types.h>

#include "helper/masks.h"
#include "result.h"
#include "unique_fd.h"

namespace seccompagent {

// By its number, and a pidfd that says whether the number is still its own. ESRCH: it has ended, or
// nobody knew it. E2BIG: it has more mounts than can be looked at. EAGAIN: they changed again and
// again meanwhile.
[[nodiscard]] Result<Masks> masks_of_process(pid_t pid, const UniqueFd& pidfd);

}  // namespace seccompagent
