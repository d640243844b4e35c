// SPDX-License-Identifier: Apache-2.0
// Scheduling of single threads: slices of the fair class, and the real-time class.
#pragma once

#include <sys/types.h>

namespace seccompagent {

// Requests a short slice for a thread of this process (0: the calling one), see sched_setattr(2):
// it runs sooner after a wake-up, also where other such threads compute. Before Linux 6.12 all
// slices have some milliseconds.
void shorten_slice(pid_t thread);

// Gives a thread of this process (0: the calling one) the lowest real-time priority, see sched(7):
// for threads that do little at a time, whatever others compute. False: that is not allowed
// (RLIMIT_RTPRIO, a cgroup without real-time bandwidth).
[[nodiscard]] bool become_real_time(pid_t thread);

// Lets others go first from now on, see setpriority(2): for threads of this process (0: the calling
// one) that compute long for what nobody waits for.
void lower_priority(pid_t thread);

// Back to the fair class.
void become_fair(pid_t thread);

}  // namespace seccompagent
