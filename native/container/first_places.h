// SPDX-License-Identifier: Apache-2.0
// Where a container's first process was when its listener came.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Whatever asks for these of a process waits for as long as it is within execve(2), where closing
// its files may take for ever: so they are looked at once, before anybody needs them, and for no
// other caller.
struct FirstPlaces {
  // Of its root: STATX_MNT_ID_UNIQUE of statx(2), or before Linux 6.8 STATX_MNT_ID; and the inode.
  std::uint64_t root_mount;
  std::uint64_t root_inode;
  // That number, where its root is the root of that mount, see root_mount.h; else 0.
  std::uint64_t rooted_mount;
  // The user namespace that owns its pid namespace, which it can't leave: where the runtime has
  // made the container. Closed: it is none that we can see.
  UniqueFd made_in;
  // When it began, in ticks since the machine did.
  std::uint64_t start;
};

// Null: it has ended, or nobody may look.
[[nodiscard]] std::shared_ptr<const FirstPlaces> find_first_places(const UniqueFd& pidfd);

}  // namespace seccompagent
