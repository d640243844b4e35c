// SPDX-License-Identifier: Apache-2.0
// Modes and owners of files, their status, and the text of symbolic links: chmod, chown, stat,
// readlink.
#pragma once

#include "files/file_task.h"

namespace seccompagent {

[[nodiscard]] FileAnswer change_mode(const Doing& doing);
[[nodiscard]] FileAnswer change_owner(const Doing& doing);
[[nodiscard]] FileAnswer describe(const Doing& doing);
[[nodiscard]] FileAnswer read_link(const Doing& doing);

}  // namespace seccompagent
