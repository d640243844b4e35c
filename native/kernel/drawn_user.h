// SPDX-License-Identifier: Apache-2.0
// Users that no other process has: what the kernel counts for them is theirs alone, and nobody else
// can send their processes signals.
#pragma once

#include <sys/random.h>
#include <sys/types.h>

#include <cstdint>
#include <cstdlib>

namespace seccompagent {

// Its number is drawn: who knew it could become that user in a container. A user namespace may not
// have it.
[[nodiscard]] inline uid_t draw_user() {
  // neither a distribution nor a container runtime gives any of these to anybody
  constexpr uid_t kFirst = 1U << 31;
  constexpr uid_t kCount = 7U << 28;
  std::uint32_t drawn = 0;
  // no flags: it waits for the first random numbers of the machine, and is never cut short
  if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn) std::abort();
  return kFirst + drawn % kCount;
}

}  // namespace seccompagent
