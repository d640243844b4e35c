// SPDX-License-Identifier: Apache-2.0
// Names in directories: mkdir, rename, link, symlink, unlink.
#pragma once

#include "files/file_task.h"

namespace seccompagent {

[[nodiscard]] FileAnswer make_directory(const Doing& doing);
[[nodiscard]] FileAnswer rename_file(const Doing& doing);
[[nodiscard]] FileAnswer link_file(const Doing& doing);
[[nodiscard]] FileAnswer make_symlink(const Doing& doing);
[[nodiscard]] FileAnswer remove_file(const Doing& doing);

}  // namespace seccompagent
