// SPDX-License-Identifier: Apache-2.0
// Freezing and killing a container, see cgroups(7).
#pragma once

#include "result.h"
#include "unique_fd.h"

namespace seccompagent {

// Freezes or thaws the cgroup that a process is in. ESRCH: it has ended. EPERM: it is in the root
// cgroup or in ours. EOPNOTSUPP: neither version has a freezer there.
[[nodiscard]] Result<void> freeze_cgroup_of(const UniqueFd& pidfd, bool is_frozen);

// Kills a container's first process, and with it all of its pid namespace, or, if it has none of
// its own, all of its cgroup. ESRCH: it has ended.
[[nodiscard]] Result<void> kill_all_of(const UniqueFd& pidfd);

}  // namespace seccompagent
