// SPDX-License-Identifier: Apache-2.0
// Our own mount namespace: a small one, with a place for new mounts and the sources of masks.
#pragma once

#include "helper/masks.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Place at which a new mount gets its masks.
inline constexpr const char* kWorkPlace = "/new";
inline constexpr MaskSources kMaskSources = {.file = "/null", .directory = "/empty"};
// Of what covers places, in mountinfo; runtimes call it so, too.
inline constexpr const char* kMaskName = "tmpfs";

// An empty read-only directory.
[[nodiscard]] Result<UniqueFd> make_directory_mask();

// Makes the mount the root, and lets go of all that was there.
[[nodiscard]] Result<void> pivot_to(const UniqueFd& root);

// Goes into the small one, for good.
[[nodiscard]] Result<void> leave_mount_namespace();

}  // namespace seccompagent
