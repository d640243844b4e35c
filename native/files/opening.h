// SPDX-License-Identifier: Apache-2.0
// open, openat2 and creat.
#pragma once

#include <fcntl.h>

#include <cstdint>

#include "files/file_task.h"

namespace seccompagent {

inline constexpr std::uint64_t kTmpfile = O_TMPFILE & ~O_DIRECTORY;

[[nodiscard]] FileAnswer open_file(const FileTask& task);

}  // namespace seccompagent
