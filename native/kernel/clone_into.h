// SPDX-License-Identifier: Apache-2.0
// Birth in a cgroup.
#pragma once

#include "kernel/result.h"

namespace seccompagent {

// As clone(2) with CLONE_VM, of a child that is in another cgroup of version 2 from its birth on,
// see CLONE_INTO_CGROUP there: nobody has to move it, for which the kernel would wait until all
// forks of the machine are through. `cgroup`: a descriptor of its directory. `stack`, of so many
// bytes, begins there. The child's pid, or an errno of clone3.
[[nodiscard]] Result<int> clone_into(int cgroup, void* stack, unsigned long stack_size,
                                     int (*main)(void*), void* argument);

}  // namespace seccompagent
