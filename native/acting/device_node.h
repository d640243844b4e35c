// SPDX-License-Identifier: Apache-2.0
// Device nodes that can be opened, for callers that could not make one.
#pragma once

#include "acting/acting.h"

namespace seccompagent {

// Of a request to make a node with a lent Linux capability. The node is made as the caller. Where
// the file system lets nobody open one, since it is mounted nodev or belongs to a user namespace,
// another with the same owner and permissions, of a file system of ours, is mounted on top of it;
// on top of an empty file where the file system lets nobody make one. The target has to be pinned
// for mounts.
[[nodiscard]] FileOutcome make_device_node(const Acting& acting);

}  // namespace seccompagent
