// SPDX-License-Identifier: Apache-2.0
// The user of epoll watches, see epoll(7): the kernel counts those of an instance for the real user
// of the thread that made it, up to fs.epoll.max_user_watches. Those of root are also those of root
// in all containers without a user namespace, and libuv ends the process where it can watch no
// more. So the agent's instances are made by a user that no other process has (drawn_user.h).
#pragma once

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// The real user alone is changed, so all that the thread may do stays as it is, but for access(2).
// Threads that are started meanwhile have that user, too, until they leave it. Nothing happens
// where it is refused, as in a user namespace that has no such user.
void become_watch_user();
void leave_watch_user();

[[nodiscard]] Result<UniqueFd> make_epoll();

// Makes anew all instances that this process has, in place of those. No other thread may make or
// close any at the same time. EPERM, EINVAL: there cannot be such a user.
[[nodiscard]] Result<void> own_epolls();

}  // namespace seccompagent
