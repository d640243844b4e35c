// SPDX-License-Identifier: Apache-2.0
// How long a thread may run while others wait for its processor.
#pragma once

namespace seccompagent {

// Asks for short turns for the calling thread, see sched_setattr(2): a thread that has been woken
// runs sooner, also where other such threads compute. Linux 6.12; older kernels have turns of some
// milliseconds for all.
void take_short_turns();

// Lets the calling thread run before all ordinary ones, at the lowest real-time priority, see
// sched(7): for threads that do little at a time, whatever others compute. Where that is not
// allowed (RLIMIT_RTPRIO, a cgroup without real-time bandwidth) it takes short turns.
void go_before_others();

}  // namespace seccompagent
