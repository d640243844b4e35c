// SPDX-License-Identifier: Apache-2.0
// Freezing and killing a container, see cgroups(7).
#pragma once

#include <sys/types.h>

#include <span>

#include "result.h"
#include "unique_fd.h"

namespace seccompagent {

// Freezes or thaws the cgroup that a container's first process is in. ESRCH: it has ended. EPERM:
// it is in the root cgroup, in ours, or in one that others are in as well. EOPNOTSUPP: neither
// version has a freezer there. `other_firsts`: the first processes of other containers.
[[nodiscard]] Result<void> freeze_cgroup_of(const UniqueFd& first_process, bool is_frozen,
                                            std::span<const pid_t> other_firsts);

// Kills a container's first process, and with it all of its pid namespace, or, if it has none of
// its own, all of its cgroup, unless others are in there as well. ESRCH: it has ended. EPERM: it is
// the machine's own first process.
[[nodiscard]] Result<void> kill_all_of(const UniqueFd& first_process,
                                       std::span<const pid_t> other_firsts);

}  // namespace seccompagent
