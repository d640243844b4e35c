// SPDX-License-Identifier: Apache-2.0
// What reads and writes of a caller's memory have in common.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstdio>

#include "caller/memory.h"
#include "kernel/raw_syscall.h"
#include "kernel/unique_fd.h"
#include "process/child.h"

namespace seccompagent {

// Of a thread's file in procfs. Opening those of its memory waits for as long as its process
// executes a program, which may be for ever: see exec_update_lock in the kernel.
class ProcPath {
 public:
  ProcPath(pid_t tid, const char* name) {
    std::snprintf(path_, sizeof path_, "/proc/%d/%s", tid, name);
  }

  [[nodiscard]] UniqueFd open(int flags) const {
    return UniqueFd(retry_eintr([&] { return ::open(path_, flags | O_CLOEXEC); }));
  }
  [[nodiscard]] SECCOMPAGENT_CHILD_CODE long raw_open(int flags) const {
    return raw_syscall(SYS_openat, AT_FDCWD, raw_pointer(&path_[0]), flags | O_CLOEXEC);
  }

 private:
  char path_[32];
};

// The child that calls this ends with us, even if it is one that we have not killed yet.
inline SECCOMPAGENT_CHILD_CODE void raw_end_with_agent() {
  (void)raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
}

// Of the child.
[[nodiscard]] inline Nanoseconds deadline_of(const Reader& reader) {
  constexpr Nanoseconds kHasty = 50 * kMillisecond;
  return reader.by == ReadBy::hasty_child ? kHasty : kSecond;
}

}  // namespace seccompagent
