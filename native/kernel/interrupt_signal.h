// SPDX-License-Identifier: Apache-2.0
// A signal that does nothing but interrupt what a thread of ours waits in.
#pragma once

#include <sys/types.h>

#include "kernel/result.h"

namespace seccompagent {

// For the whole process; may be done again.
[[nodiscard]] Result<void> install_interrupt_signal();

// For the calling thread, which others can interrupt from then on; its id.
[[nodiscard]] pid_t accept_interrupts();

// A system call that the thread waits in ends with EINTR. One that it is about to make does not.
void interrupt_thread(pid_t tid);

}  // namespace seccompagent
