// SPDX-License-Identifier: Apache-2.0
// Starts of a caller's paths.
#pragma once

#include <string>

namespace seccompagent {

// Start of the resolution of a path.
struct Start {
  // Of the caller, or AT_FDCWD.
  int dirfd;
  // Entry of a path through /proc/self or /proc/thread-self: `cwd`, `root` or `fd/N`, which mean
  // something to the caller only. Empty: nothing of the kind.
  std::string proc_entry;
  // Of the thread, not of its group.
  bool is_of_thread;
  // The path from there; empty when it is the place itself.
  std::string rest;
  // The path is absolute: it does not matter where the caller is.
  bool is_from_root = false;
  // With proc_entry: all of the path, which is what counts where the caller's root has no procfs
  // that it may search, see callers_proc.h.
  std::string asked = {};
};

// Start of this path of a caller: /proc/self/fd/6/a is `a` from the caller's fd 6.
[[nodiscard]] Start start_of(std::string path, int dirfd);

}  // namespace seccompagent
