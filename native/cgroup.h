// SPDX-License-Identifier: Apache-2.0
// Freezing a container, see cgroups(7).
#pragma once

#include "result.h"
#include "unique_fd.h"

namespace seccompagent {

// Freezes or thaws the cgroup that a process is in. ESRCH: it has ended. EPERM: it is in the root
// cgroup or in ours. EOPNOTSUPP: neither version has a freezer there.
[[nodiscard]] Result<void> freeze_cgroup_of(const UniqueFd& pidfd, bool is_frozen);

}  // namespace seccompagent
