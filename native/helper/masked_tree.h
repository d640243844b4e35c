// SPDX-License-Identifier: Apache-2.0
// Trees of a new proc or sysfs with masks on it, ready before any caller can see them.
#pragma once

#include <sys/types.h>

#include <optional>

#include "helper/masks.h"
#include "helper/mount_job.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Whether the caller may have power over the proc itself, and with it over the options of all its
// mounts, see pid_namespaces(7): that of who owns the pid namespace.
[[nodiscard]] bool has_foreign_processes(MountJob& job, ino_t own_user_namespace);

// Makes the tree in a new mount namespace.
void build_tree(MountJob& job, UniqueFd& tree_namespace, UniqueFd& left_behind);

// Makes the mount show no more than the container's first process sees.
[[nodiscard]] bool narrow(MountJob& job, const Cover& cover);

// A container inside the container may hide more from its processes, and they see no other proc.
[[nodiscard]] bool narrow_to_own(MountJob& job, Cover& cover);

// Paths that a mount of this type has to hide; none: of other types.
[[nodiscard]] std::optional<Cover> cover_of(const NewMount& mount, const Masks& masks);

}  // namespace seccompagent
