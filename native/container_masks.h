// SPDX-License-Identifier: Apache-2.0
// What a container's first process does not see of proc and sysfs, read while it is that process.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <optional>

#include "helper/masks.h"
#include "result.h"
#include "unique_fd.h"

namespace seccompagent {

// By its number, and a pidfd that says whether the number is still its own. ESRCH: it has ended, or
// nobody knew it. E2BIG: it has more mounts than can be looked at. EAGAIN: they changed again and
// again meanwhile, or no mount of its namespace is below its root: so it is for a moment in the
// middle of unshare(2) and setns(2).
[[nodiscard]] Result<Masks> masks_of_process(pid_t pid, const UniqueFd& pidfd);

// All that a container's first process was found not to see: at the first look that told it, and
// now. One look would do where nobody plays tricks: what the runtime has masked stays so, since
// whoever may take a mask off is root of the host, or had it taken off by a handler, and what is
// added later is to count as well. But the first process is the container's own, and may look at
// mounts of its making by now. Even at the first look: the container runs when its listener comes.
// It can't get at a proc or sysfs that hides less, since the kernel keeps what is mounted on one
// with it where the mounts are somebody else's, mount_namespaces(7).
class ContainerMasks {
 public:
  // Looks, once, and does not wait. What it can't tell now is for the next look to tell.
  void look(pid_t pid, const UniqueFd& pidfd);
  // Looks. Waits for 10 ms where the process changes its mounts meanwhile. Errors as of
  // masks_of_process: if the process is gone, nobody can say what it saw at last.
  [[nodiscard]] Result<Masks> strictest(pid_t pid, const UniqueFd& pidfd);

 private:
  std::mutex mutex_;
  std::optional<Masks> first_;
};

}  // namespace seccompagent
