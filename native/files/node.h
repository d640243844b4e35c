// SPDX-License-Identifier: Apache-2.0
// Nodes of devices, FIFOs and sockets: mknod, and the files that are covered where a node cannot be
// made or opened.
#pragma once

#include "files/file_task.h"

namespace seccompagent {

[[nodiscard]] FileAnswer make_node(const FileTask& task);
[[nodiscard]] FileAnswer undo_mknod(const FileTask& task);

}  // namespace seccompagent
