// SPDX-License-Identifier: Apache-2.0
// Sizes of files: truncate.
#pragma once

#include "files/file_task.h"

namespace seccompagent {

// ENOTSUP: the caller's limit counts, and all threads of a process have one.
[[nodiscard]] FileAnswer change_size(const FileTask& task);

}  // namespace seccompagent
