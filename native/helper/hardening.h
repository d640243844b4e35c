// SPDX-License-Identifier: Apache-2.0
// The hardening of a helper, so that a process that takes it over gains nothing.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernel/result.h"

namespace seccompagent {

// No descriptors but the socket, no core dump, no ptrace, no signal of ours ignored or blocked, and
// the parent's death ends it. `parent`: the pid of who has started us, known before: it may have
// ended already, and then we end, too.
[[nodiscard]] Result<void> harden_helper(pid_t parent);

// Whom the kernel ends first where memory is short. Who acts as a caller takes memory as the caller
// would, so it is spared where the kernel would end that one or its neighbours; at the agent's
// expense it ends first, and what it takes is free again. Without CAP_SYS_RESOURCE, who is spared
// keeps the agent's score, see proc_pid_oom_score_adj(5).
void choose_oom_score(bool is_charged_apart);

struct AllowedArgument {
  std::size_t index;
  long value;
};

struct AllowedCall {
  long number;
  // Those that have to be so.
  std::vector<AllowedArgument> arguments = {};
};

// No other system calls than these; others kill us.
[[nodiscard]] Result<void> allow_only(std::span<const AllowedCall> calls);

enum class Confined : std::uint8_t { files, files_with_label, mounts };

// No other system calls than those of its role; others kill it.
[[nodiscard]] Result<void> confine_helper(Confined role);

}  // namespace seccompagent
