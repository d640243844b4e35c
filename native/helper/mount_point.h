// SPDX-License-Identifier: Apache-2.0
// The place of a new mount in a container: where it goes, and whether it may.
#pragma once

#include "helper/mount_job.h"
#include "helper/new_mount.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// As the caller, who we are then. What is looked at is what is mounted on, whatever has its name by
// then.
[[nodiscard]] UniqueFd find_mount_point(MountJob& job);

// False: it was not put there.
[[nodiscard]] bool move_to(MountJob& job, const UniqueFd& mount, const UniqueFd& mount_point,
                           const IsGone& is_gone);

// A caller without own power over it must mount nothing where the mount would be elsewhere as well,
// as on the host, or where it would be another one's later: a tree that is nowhere yet. And nobody
// may mount without end.
[[nodiscard]] bool may_use_place(MountJob& job, const UniqueFd& mount_point);

// The caller's namespaces and root, and its mountinfo where that is needed.
[[nodiscard]] bool enter_place(MountJob& job);

}  // namespace seccompagent
