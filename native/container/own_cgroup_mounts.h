// SPDX-License-Identifier: Apache-2.0
// Where hierarchies of cgroups are mounted for us.
#pragma once

#include <string>

#include "kernel/result.h"

namespace seccompagent {

// Lines of /proc/self/mounts, as cgroup_mount takes them, read once: whoever makes mount namespaces
// keeps the lock of the kernel's that is taken for it.
[[nodiscard]] Result<std::string> own_cgroup_mounts();

}  // namespace seccompagent
