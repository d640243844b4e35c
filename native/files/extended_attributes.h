// SPDX-License-Identifier: Apache-2.0
// Extended attributes of files, see xattr(7).
#pragma once

#include "files/file_task.h"

namespace seccompagent {

[[nodiscard]] FileAnswer get_xattr(const FileTask& task);
[[nodiscard]] FileAnswer list_xattr(const FileTask& task);
[[nodiscard]] FileAnswer set_xattr(const FileTask& task);
[[nodiscard]] FileAnswer remove_xattr(const FileTask& task);

}  // namespace seccompagent
