// SPDX-License-Identifier: Apache-2.0
// Costs of file systems in memory: each inode, name, extended attribute and text of a symbolic link
// takes kernel memory that cannot be reclaimed, and is charged to the process that makes it.
#pragma once

#include <sys/vfs.h>

#include <cstddef>
#include <cstdint>

#include "kernel/made.h"

namespace seccompagent {

// A thing that is about to be made.
struct Creation {
  // The directory, or of an extended attribute the file.
  int at;
  // In the directory; nullptr: there is no name.
  const char* name;
  // Of the text of a symbolic link, or of an extended attribute with its name.
  std::size_t bytes = 0;
  bool is_attribute = false;
  // The answer of fstatfs(2); nullptr: it was not asked.
  const struct statfs* system = nullptr;
};

// Its cost; none where the file system is known to keep it elsewhere than in memory.
[[nodiscard]] Made weigh(const Creation& creation);

// Whether a file is where a layer of an overlay may be: on a disk, at a server, or on a tmpfs.
[[nodiscard]] bool is_of_layer(int file);

// Whether the name is taken: then nothing is made.
[[nodiscard]] bool is_there(const Creation& creation);

}  // namespace seccompagent
