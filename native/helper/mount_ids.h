// SPDX-License-Identifier: Apache-2.0
// Ids of users and groups in the options of a mount.
#pragma once

#include "helper/mount_job.h"

namespace seccompagent {

// The caller says them as it knows them, and who makes the file system knows them otherwise.
[[nodiscard]] bool translate_ids(MountJob& job);

}  // namespace seccompagent
