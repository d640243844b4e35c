// SPDX-License-Identifier: Apache-2.0
// Children of a helper, which go where we don't want to go ourselves. They share our memory, which
// we leave alone until they have ended.
#pragma once

#include <sched.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/result.h"

namespace seccompagent {

// Sets again what a change of credentials clears, or, where fs.suid_dumpable is 1, undoes. Ends us
// if the parent is not there any more; `parent`: it, as we see it.
void rearm(pid_t parent);

template <typename Work>
struct ChildWork {
  Work& work;
  pid_t parent;
  bool is_complete;
};

template <typename Work>
int child_main(void* argument) {
  auto& child = *static_cast<ChildWork<Work>*>(argument);
  rearm(child.parent);
  child.work();
  child.is_complete = true;
  return 0;
}

// Runs `work` in a child and waits for its end. `parent`: us, as the child sees us. EINTR: somebody
// else has ended it.
template <typename Work>
[[nodiscard]] Result<void> run_in_child(void* stack_top, int flags, pid_t parent, Work work) {
  ChildWork<Work> child = {work, parent, false};
  const pid_t pid = clone(child_main<Work>, stack_top, CLONE_VM | flags, &child);
  if (pid == -1) return fail_errno();
  // without its end nobody could say when our memory is our own again
  if (retry_eintr([pid] { return waitpid(pid, nullptr, __WALL); }) == -1) _exit(1);
  return child.is_complete ? Result<void>() : fail(EINTR);
}

}  // namespace seccompagent
