// SPDX-License-Identifier: Apache-2.0
// What a helper gives up, so that whoever reaches it finds nothing.
#pragma once

#include <cstdint>

#include "../result.h"

namespace seccompagent {

// No descriptors but the socket, no core dump, no ptrace, no signal of ours ignored or blocked, and
// the parent's death ends it.
[[nodiscard]] Result<void> harden_helper();

// Rearms what a change of credentials has cleared.
[[nodiscard]] Result<void> rearm();

enum class Confined : std::uint8_t { files, files_with_label, mounts };

// No other system calls than those of its role; others kill it.
[[nodiscard]] Result<void> confine_helper(Confined role);

}  // namespace seccompagent
