// SPDX-License-Identifier: Apache-2.0
// Owners of files as stat(2) shows them in the user namespace that we are in. All that have no
// number there, or on the mount, have the same, see user_namespaces(7), and the kernel takes no two
// of them for one.
#pragma once

#include <sys/types.h>

namespace seccompagent {

// The calling thread's, which files are judged by.
[[nodiscard]] uid_t own_fs_uid();

// Whether the number may stand for anybody. `processes`: our own procfs.
[[nodiscard]] bool is_of_unknown(int processes, uid_t owner);

// Whether all have a number in our user namespace.
[[nodiscard]] bool are_all_known(int processes);

}  // namespace seccompagent
