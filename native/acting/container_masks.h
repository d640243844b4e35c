// SPDX-License-Identifier: Apache-2.0
// Masks of a container's first process over proc and sysfs, read while it is that process.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "container/acting_cgroups.h"
#include "container/first_places.h"
#include "container/held_paths.h"
#include "helper/masks.h"
#include "helper/mountinfo.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// By its number, and a pidfd that says whether the number is still its own. ESRCH: it has ended, or
// nobody knew it. E2BIG: it has more mounts than can be looked at. EAGAIN: they changed again and
// again meanwhile, or no mount of its namespace is below its root: so it is for a moment in the
// middle of unshare(2) and setns(2), and as long as its root is a directory without mounts.
[[nodiscard]] Result<Masks> masks_of_process(pid_t pid, const UniqueFd& pidfd);

// All that a container's first process was found not to see: at the first look that told it, and
// now. One look would do where nobody plays tricks: what the runtime has masked stays so, since
// whoever may take a mask off is root of the host, or had it taken off by a handler, and what is
// added later is to count as well. But the first process is the container's own, and may look at
// mounts of its making by now: even at the first look, which is taken as soon as its listener
// comes, since the container runs by then. What is mounted on a proc or sysfs is kept together by
// the kernel where the mounts are somebody else's, mount_namespaces(7), so that masks do not get
// fewer so. Only hidepid could: of a proc that hides nothing else, anybody may mount another one in
// namespaces of their own.
class ContainerMasks {
 public:
  // The first look. What it can't tell is for the next one to tell.
  void note(const Mounts& mounts);
  // Looks. Waits for 10 ms where the process changes its mounts meanwhile. Errors as of
  // masks_of_process: if the process is gone, nobody can say what it saw at last.
  [[nodiscard]] Result<Masks> strictest(pid_t pid, const UniqueFd& pidfd);
  // Memory that it takes.
  [[nodiscard]] std::size_t bytes();

 private:
  std::mutex mutex_;
  std::optional<Masks> first_;
};

// A container's first process as it was when its listener came.
struct FirstProcess {
  // 0: nobody knows it.
  pid_t pid = 0;
  UniqueFd pidfd = {};
  std::shared_ptr<ContainerMasks> masks = std::make_shared<ContainerMasks>();
  // Null: nobody knows them.
  std::shared_ptr<const ActingCgroups> cgroups = {};
  // Never null.
  std::shared_ptr<const HeldPaths> paths = std::make_shared<const HeldPaths>();
  // Null: nobody knows them.
  std::shared_ptr<const FirstPlaces> places = {};
};

// Parts of file systems that are mounted somewhere, from their roots, with a NUL behind each: what
// was bound from elsewhere. Empty: they have more than kMaxBound bytes.
inline constexpr std::size_t kMaxBound = 64UL * 1024;
[[nodiscard]] std::string bound_in(const Mounts& mounts);

// Without a look at it.
[[nodiscard]] FirstProcess open_first(pid_t pid);
// The first look at it; what was bound, see bound_in. Whoever makes mounts decides how long it
// takes.
std::string look_at_first(FirstProcess& first);
[[nodiscard]] FirstProcess look_at_first(pid_t pid);
// Memory that the look takes.
[[nodiscard]] std::size_t bytes_of(const FirstProcess& process);

}  // namespace seccompagent
