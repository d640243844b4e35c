// SPDX-License-Identifier: Apache-2.0
// The freezing and killing of a container, see cgroups(7). Those of a user's container are done
// with the user's rights (as_user.h).
#pragma once

#include "container/cgroup_members.h"
#include "kernel/result.h"

namespace seccompagent {

// Freezes or thaws the cgroup that a container's first process is in. ESRCH: it has ended. EPERM:
// it is in the root cgroup, in ours, in one that others are in as well, or in one that its user may
// not write to. EOPNOTSUPP: neither version has a freezer there.
[[nodiscard]] Result<void> freeze_cgroup_of(const KnownContainer& container, bool is_frozen);

// Kills a container's first process alone, and waits for nobody, as a look for the others does (see
// process_owner.h). ESRCH, EPERM: as below.
[[nodiscard]] Result<void> kill_first_of(const KnownContainer& container);

// Kills a container's first process, and with it all of its pid namespace, or, if that is not its
// own, all of its processes in its cgroup. ESRCH: it has ended, or is the machine's own first
// process. EPERM: only the first process was killed, since nobody can tell its other processes from
// those of others, or they become more all the time; or not even that one, or some others, which
// its user may not kill.
[[nodiscard]] Result<void> kill_all_of(const KnownContainer& container);

}  // namespace seccompagent
