// SPDX-License-Identifier: Apache-2.0
// File systems in memory: each inode, name and extended attribute, and the text of each symbolic
// link, takes memory of the kernel that nobody can reclaim, and that of whoever makes it.
#pragma once

#include <sys/vfs.h>

#include <cstddef>

#include "made.h"

namespace seccompagent {

// What is about to be made.
struct Making {
  // The directory, or of an extended attribute the file.
  int at;
  // In the directory; nullptr: there is no name.
  const char* name;
  // Of the text of a symbolic link, or of an extended attribute with its name.
  std::size_t bytes = 0;
  bool is_attribute = false;
  // What fstatfs(2) said of it already; nullptr: it was not asked.
  const struct statfs* system = nullptr;
};

// What it takes. It takes nothing where the file system is known to keep it elsewhere than in
// memory.
[[nodiscard]] Made weigh(const Making& making);

// Whether a file is where a layer of an overlay may be: on a disk, at a server, or on a tmpfs.
[[nodiscard]] bool is_of_layer(int file);

// Whether the name is taken: then nothing is made.
[[nodiscard]] bool is_there(const Making& making);

}  // namespace seccompagent
