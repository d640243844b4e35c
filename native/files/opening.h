// SPDX-License-Identifier: Apache-2.0
// open, openat2 and creat.
#pragma once

#include <string>

#include "files/file_task.h"

namespace seccompagent {

[[nodiscard]] FileAnswer open_file(const FileTask& task);

// Whether the last name of a path has a slash behind it, and is one that could be made.
[[nodiscard]] bool is_name_of_directory(const std::string& path);

// Such a name, with O_CREAT: why it is not made.
[[nodiscard]] FileAnswer refuse_directory(const FileTask& task, const std::string& path);

}  // namespace seccompagent
