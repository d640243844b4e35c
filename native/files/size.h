// SPDX-License-Identifier: Apache-2.0
// Sizes of files: truncate.
#pragma once

#include "files/file_task.h"

namespace seccompagent {

// ENOTSUP: the caller's limit counts, and only a process of its own can take it on.
[[nodiscard]] FileAnswer change_size(const FileTask& task);

}  // namespace seccompagent
