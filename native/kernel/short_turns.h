// SPDX-License-Identifier: Apache-2.0
// How long a thread may run while others wait for its processor.
#pragma once

#include <sys/types.h>

namespace seccompagent {

// Asks for short turns for a thread of this process (0: the calling one), see sched_setattr(2): a
// thread that has been woken runs sooner, also where other such threads compute. Linux 6.12; older
// kernels have turns of some milliseconds for all.
void take_short_turns(pid_t thread);

// Lets a thread of this process run before all ordinary ones, at the lowest real-time priority, see
// sched(7): for threads that do little at a time, whatever others compute. 0: the calling one.
// Where that is not allowed (RLIMIT_RTPRIO, a cgroup without real-time bandwidth) it stays as it
// is.
[[nodiscard]] bool go_before_others(pid_t thread);

// As threads are otherwise.
void go_as_others(pid_t thread);

}  // namespace seccompagent
