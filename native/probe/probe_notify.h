// SPDX-License-Identifier: Apache-2.0
// Probes of seccomp_unotify(2), each with a caller under a filter.
#pragma once

#include "probe/probe.h"

namespace seccompagent {

[[nodiscard]] ProbeOutcome answer_call();
[[nodiscard]] ProbeOutcome wake_up_in_sync();
[[nodiscard]] ProbeOutcome wait_killable();
[[nodiscard]] ProbeOutcome reply_fast();
[[nodiscard]] ProbeOutcome add_descriptor();
[[nodiscard]] ProbeOutcome add_descriptor_and_send();

}  // namespace seccompagent
