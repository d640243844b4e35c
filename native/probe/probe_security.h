// SPDX-License-Identifier: Apache-2.0
// Probes of what a security module may forbid although procfs says that it is there: the use of
// each Linux capability, and the reach to processes with other labels. They change the process that
// calls them, see run_probe.
#pragma once

#include "probe/probe.h"

namespace seccompagent {

// Each works, too, where it cannot be tried without another capability that another one tries.
[[nodiscard]] ProbeOutcome use_chown();
[[nodiscard]] ProbeOutcome use_dac_override();
[[nodiscard]] ProbeOutcome use_fowner();
[[nodiscard]] ProbeOutcome use_fsetid();
[[nodiscard]] ProbeOutcome use_kill();
[[nodiscard]] ProbeOutcome use_mknod();
[[nodiscard]] ProbeOutcome use_setgid();
[[nodiscard]] ProbeOutcome use_setpcap();
[[nodiscard]] ProbeOutcome use_setuid();
[[nodiscard]] ProbeOutcome use_sys_chroot();
[[nodiscard]] ProbeOutcome use_sys_nice();

// Of processes with each label (label.h) that callers may have and that is not ours.
[[nodiscard]] ProbeOutcome read_labelled_memory();
// Whether these can be taken on.
[[nodiscard]] ProbeOutcome take_labels();

}  // namespace seccompagent
