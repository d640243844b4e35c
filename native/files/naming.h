// SPDX-License-Identifier: Apache-2.0
// Names in directories: mkdir, rename, link, symlink, unlink.
#pragma once

#include "files/file_task.h"

namespace seccompagent {

[[nodiscard]] FileAnswer make_directory(const FileTask& task);
[[nodiscard]] FileAnswer rename_file(const FileTask& task);
[[nodiscard]] FileAnswer link_file(const FileTask& task);
[[nodiscard]] FileAnswer make_symlink(const FileTask& task);
[[nodiscard]] FileAnswer remove_file(const FileTask& task);

}  // namespace seccompagent
