// SPDX-License-Identifier: Apache-2.0
#include "helper/own_child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace seccompagent {

void rearm(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || prctl(PR_SET_DUMPABLE, 0) == -1) _exit(1);
  // it may have ended while its death would not have ended us
  if (getppid() != parent) _exit(1);
}

}  // namespace seccompagent
