// SPDX-License-Identifier: Apache-2.0
// Whether a mount namespace that nobody holds for us is still there.
#pragma once

#include <cstdint>

#include "clock.h"

namespace seccompagent {

// Of a number as in Made::place, which nobody used for so long. Before Linux 6.11, nobody can tell:
// one that was not used for ten minutes counts as gone.
[[nodiscard]] bool is_mount_namespace_gone(std::uint64_t number, Nanoseconds unused_for);

}  // namespace seccompagent
