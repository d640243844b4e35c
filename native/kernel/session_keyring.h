// SPDX-License-Identifier: Apache-2.0
// The session keyring, see session-keyring(7): the kernel looks for keys in it in the name of
// whoever acts, as cifs does for passwords and afs for tickets. What acts for containers must not
// find the keys of who has started the agent, or those that another container has brought about.
#pragma once

#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/result.h"

namespace seccompagent {

// From now on this thread and all that it starts, helpers included, have one that is empty and
// stays so. It is made once, since each takes some of a quota that all of root share, also in
// containers. Nothing where the kernel has no keyrings, or where a filter forbids it: the shipped
// ones do, and who has set them up, as systemd and container runtimes, gives the agent one of its
// own. EDQUOT: there is no room for it.
[[nodiscard]] inline Result<void> leave_session_keyring() {
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) == -1) {
    if (errno == ENOSYS || errno == EPERM || errno == EACCES) return {};
    return fail_errno();
  }
  // no type and no restriction: nothing can be linked to it
  if (syscall(SYS_keyctl, KEYCTL_RESTRICT_KEYRING, KEY_SPEC_SESSION_KEYRING, nullptr, nullptr) ==
      -1) {
    return fail_errno();
  }
  return {};
}

}  // namespace seccompagent
