// SPDX-License-Identifier: Apache-2.0
// Extended attributes of files, see xattr(7).
#pragma once

#include "files/file_task.h"

namespace seccompagent {

[[nodiscard]] FileAnswer get_xattr(const Doing& doing);
[[nodiscard]] FileAnswer list_xattr(const Doing& doing);
[[nodiscard]] FileAnswer set_xattr(const Doing& doing);
[[nodiscard]] FileAnswer remove_xattr(const Doing& doing);

}  // namespace seccompagent
