// SPDX-License-Identifier: Apache-2.0
// The start of children that have none of our descriptors but those they are given. Descriptors of
// a container must not be copied into a child for even a moment: its end closes the copy, and
// closing a container's file may take for ever (a file system in user space is asked each time).
#pragma once

#include <mutex>
#include <span>

#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "process/child.h"

namespace seccompagent {

// Of the process. A thread with descriptors of its own starts them: a child copies those of who
// starts it, and close_range(2) with CLOSE_RANGE_UNSHARE, too, copies more than it leaves. The
// kernel tells a child of the end of that thread, which never ends.
class ChildStarter {
 public:
  // The number that a child has for the first descriptor that it is given; others follow.
  static constexpr int kFirstGiven = 4;

  [[nodiscard]] static ChildStarter& of_process();

  // Starts the thread, unless it is there: before any container has lent us anything.
  [[nodiscard]] Result<void> start();
  // As start_child of child.h; the child has the standard streams and copies of `given`, which are
  // at most kMaxMessageFds and no containers' open files (descriptors with O_PATH are fine). All
  // of them go with execve. ECHILD: the thread was not started.
  [[nodiscard]] Result<ChildProcess> start_child(const ChildStack& stack, ChildMain main,
                                                 void* argument, std::span<const int> given);

 private:
  ChildStarter() = default;
  std::mutex mutex_;
  UniqueFd socket_;
};

}  // namespace seccompagent
