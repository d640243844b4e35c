// SPDX-License-Identifier: Apache-2.0
// File systems in memory: each inode, name and extended attribute, and the text of each symbolic
// link, takes memory of the kernel that nobody can reclaim, and that of whoever makes it.
#pragma once

#include <sys/resource.h>
#include <sys/vfs.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "kernel/made.h"

namespace seccompagent {

// What is about to be made.
struct Creation {
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
[[nodiscard]] Made weigh(const Creation& creation);

// Whether this directory is of an overlay that may copy files into memory before they are changed.
// `system` is what fstatfs(2) said of it already; nullptr: it was not asked.
[[nodiscard]] bool copies_into_memory(int directory, const struct statfs* system = nullptr);

// Whether this one may have to be copied first, as those above it that no upper layer has yet.
[[nodiscard]] bool is_copied_into_memory(int file, const struct statfs* system = nullptr);

// Of such a file or directory.
struct Copy {
  int file;
  bool has_content;
  // Our own procfs, which is the working directory afterwards.
  int processes;
  // What weigh_above has said of our root; none: there is nothing above it.
  std::optional<std::uint64_t> above_root = std::nullopt;
};

// How much that is, in bytes: what it has in it, if so, and its attributes, and those above it with
// theirs. More than there can be where these are more than anybody has in earnest, or cannot be
// seen.
[[nodiscard]] std::uint64_t weigh_copy(const Copy& copy);

// The same of a directory that is to be our root, and of what is above it then.
[[nodiscard]] std::uint64_t weigh_above(int directory, int processes);

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
[[nodiscard]] bool is_there(const Creation& creation);

}  // namespace seccompagent
