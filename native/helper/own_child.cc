// SPDX-License-Identifier: Apache-2.0
#include "own_child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace seccompagent {

void rearm(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_DUMPABLE, 0);
  // it may have ended while its death would not have ended us
  if (getppid() != parent) _exit(1);
}

}  // namespace seccompagent
