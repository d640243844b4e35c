// SPDX-License-Identifier: Apache-2.0
// Modes and owners of files, their status, and the text of symbolic links: chmod, chown, stat,
// readlink.
#pragma once

#include "files/file_task.h"

namespace seccompagent {

[[nodiscard]] FileAnswer change_mode(const FileTask& task);
[[nodiscard]] FileAnswer change_owner(const FileTask& task);
[[nodiscard]] FileAnswer read_status(const FileTask& task);
[[nodiscard]] FileAnswer read_link(const FileTask& task);

}  // namespace seccompagent
