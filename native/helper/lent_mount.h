// SPDX-License-Identifier: Apache-2.0
// File systems other than proc and sysfs, made inside the container with lent power.
#pragma once

#include "helper/mount_job.h"
#include "helper/new_mount.h"

namespace seccompagent {

// A file system that is made inside the container, where it looks for its source.
void put_other(MountJob& job, const IsGone& is_gone);

}  // namespace seccompagent
