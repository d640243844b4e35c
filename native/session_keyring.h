// SPDX-License-Identifier: Apache-2.0
// The session keyring, see session-keyring(7): the kernel looks for keys in it in the name of
// whoever acts, as cifs does for passwords and afs for tickets. What acts for containers must not
// find the keys of who has started the agent, or those that another one has brought about.
#pragma once

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "result.h"

namespace seccompagent {

// From now on this thread and those that it starts have an empty one of their own. Nothing where
// the kernel has none, or where a filter forbids it: who has set that up has seen to it.
[[nodiscard]] inline Result<void> leave_session_keyring() {
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) != -1) return {};
  if (errno == ENOSYS || errno == EPERM || errno == EACCES) return {};
  return fail_errno();
}

}  // namespace seccompagent
