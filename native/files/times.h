// SPDX-License-Identifier: Apache-2.0
// Times of files: utimensat.
#pragma once

#include "files/file_task.h"

namespace seccompagent {

[[nodiscard]] FileAnswer change_times(const FileTask& task);

}  // namespace seccompagent
