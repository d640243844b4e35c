// SPDX-License-Identifier: Apache-2.0
// The memory through which a worker receives calls and answers them.
#pragma once

#include <cstddef>

#include "kernel/border.h"

namespace seccompagent {

// The bytes of pointer arguments follow the struct.
inline constexpr std::size_t kInboxSize = sizeof(Inbox) + kInboxData;

}  // namespace seccompagent
