// SPDX-License-Identifier: Apache-2.0
// open, openat2 and creat.
#pragma once

#include "files/file_task.h"

namespace seccompagent {

[[nodiscard]] FileAnswer open_file(const FileTask& task);

}  // namespace seccompagent
