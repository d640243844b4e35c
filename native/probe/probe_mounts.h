// SPDX-License-Identifier: Apache-2.0
// Probes of path resolution, new mounts and namespaces.
#pragma once

#include "probe/probe.h"

namespace seccompagent {

[[nodiscard]] ProbeOutcome resolve_in_root();
[[nodiscard]] ProbeOutcome new_mounts();
[[nodiscard]] ProbeOutcome proc_pidns();
[[nodiscard]] ProbeOutcome idmapped_mounts();
[[nodiscard]] ProbeOutcome enter_namespaces();

}  // namespace seccompagent
