// SPDX-License-Identifier: Apache-2.0
// File systems in memory: each inode, name and extended attribute, and the text of each symbolic
// link, takes memory of the kernel that nobody can reclaim, and that of whoever makes it.
#pragma once

#include <sys/resource.h>
#include <sys/vfs.h>

#include <cstddef>
#include <cstdint>

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

// Whether this directory is of an overlay that may copy files into memory before they are changed.
[[nodiscard]] bool copies_into_memory(int directory);

// How much of this file it may copy, in bytes, with its content or without; 0: nothing.
[[nodiscard]] std::uint64_t weigh_copy(int file, bool has_content);

// While it lives, the kernel ends what would make a file of the process larger than that with
// EFBIG, also the copying: whatever a name stands for by then, and whatever has become of the file.
// See RLIMIT_FSIZE in getrlimit(2). For processes of their own, which ignore SIGXFSZ.
class CopyLimit {
 public:
  explicit CopyLimit(std::uint64_t most);
  CopyLimit(const CopyLimit&) = delete;
  CopyLimit& operator=(const CopyLimit&) = delete;
  ~CopyLimit();

 private:
  rlimit before_ = {};
};

// Whether a file is where a layer of an overlay may be: on a disk, at a server, or on a tmpfs.
[[nodiscard]] bool is_of_layer(int file);

// Whether the name is taken: then nothing is made.
[[nodiscard]] bool is_there(const Making& making);

}  // namespace seccompagent
