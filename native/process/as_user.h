// SPDX-License-Identifier: Apache-2.0
// Effects with the rights of a user alone. Whatever was looked at before, a process may have become
// somebody else's since; so the kernel judges, at the moment that something happens.
#pragma once

#include <sys/types.h>

#include <functional>

#include "kernel/result.h"

namespace seccompagent {

// Does it in a thread that has no other rights than the user's, and none of any group; for root,
// and for who runs this process, in this thread. Neither that user nor anybody else can send that
// thread signals, which would be for all of this process. EAGAIN: no thread is left. EPERM also:
// nobody can become that user here.
[[nodiscard]] Result<void> as_user(uid_t user, const std::function<Result<void>()>& effect);

}  // namespace seccompagent
