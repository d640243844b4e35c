// SPDX-License-Identifier: Apache-2.0
// What reads and writes of a caller's memory, and of files that take it along, have in common.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstdio>
#include <memory>
#include <span>
#include <utility>

#include "caller/memory.h"
#include "kernel/raw_syscall.h"
#include "kernel/unique_fd.h"
#include "process/child.h"
#include "process/child_starter.h"
#include "process/ending_children.h"

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

// Runs Work::child_main in a child, which may outlive the attempt: the work owns all that it uses.
// ETIMEDOUT: the child was killed at its deadline, or too many of the payer's hang.
template <typename Work>
[[nodiscard]] Result<void> run_in_child_of(std::unique_ptr<Work>& work, const Reader& reader,
                                           std::span<const int> given) {
  const Patience patience = {.max = deadline_of(reader)};
  TimeTaken alone;
  TimeTaken& taken = reader.taken == nullptr ? alone : *reader.taken;
  if (taken.left(patience) == 0) return fail(ETIMEDOUT);
  if (!EndingChildren::of_process().await_room(reader.payer, patience)) return fail(ETIMEDOUT);
  auto child =
      ChildStarter::of_process().start_child(work->stack, Work::child_main, work.get(), given);
  if (!child) return std::unexpected(child.error());
  if (!await_or_leave(std::move(*child), patience, reader.payer, work, taken))
    return fail(ETIMEDOUT);
  return {};
}

}  // namespace seccompagent
