// SPDX-License-Identifier: Apache-2.0
// Paths that lead a caller to its own open files by /proc/self.
#pragma once

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kernel/unique_fd.h"

namespace seccompagent {

// For who has the role of the caller: in its root, /proc is a procfs, and it may search the way
// there. Without one, a caller has no other name for its descriptors, and no leave to open them
// anew.
[[nodiscard]] inline bool has_callers_proc() {
  // of all mounts of the whole of a procfs
  constexpr ino_t kRootInode = 1;
  const UniqueFd proc(open("/proc/.", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct statfs system = {};
  struct stat found = {};
  return proc.is_open() && fstatfs(proc.get(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC &&
         fstat(proc.get(), &found) == 0 && found.st_ino == kRootInode;
}

}  // namespace seccompagent
