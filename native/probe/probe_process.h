// SPDX-License-Identifier: Apache-2.0
// Probes of the reach to another process: its descriptors, memory and signals.
#pragma once

#include "probe/probe.h"

namespace seccompagent {

[[nodiscard]] ProbeOutcome take_descriptor();
[[nodiscard]] ProbeOutcome read_caller_memory();
// Of a process that is not dumpable.
[[nodiscard]] ProbeOutcome read_hidden_memory();
[[nodiscard]] ProbeOutcome send_signal();

}  // namespace seccompagent
