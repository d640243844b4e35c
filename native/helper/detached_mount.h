// SPDX-License-Identifier: Apache-2.0
// Mounts that are attached nowhere yet, see fsopen(2), fsmount(2) and open_tree(2).
#pragma once

#include "helper/new_mount.h"
#include "kernel/outcome.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Linux 6.11 gives it without a look-up in proc, where a new child is not known yet.
[[nodiscard]] UniqueFd open_own_mount_namespace(int own_proc);

[[nodiscard]] UniqueFd open_tree_at(const char* path);

[[nodiscard]] long move_to_path(const UniqueFd& tree, const char* path);

[[nodiscard]] bool configure(Outcome& outcome, const UniqueFd& context, const MountOption& option);

[[nodiscard]] UniqueFd open_context(Outcome& outcome, const NewMount& mount);

[[nodiscard]] UniqueFd make_detached(Outcome& outcome, const UniqueFd& context,
                                     const NewMount& mount);
[[nodiscard]] UniqueFd make_detached(Outcome& outcome, const NewMount& mount);

// A mount for ourselves.
[[nodiscard]] Result<UniqueFd> make_own(const NewMount& mount);

}  // namespace seccompagent
