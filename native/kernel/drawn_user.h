// SPDX-License-Identifier: Apache-2.0
// Users that nobody else is: nobody has what is counted for them, and none of their processes can
// be sent signals by others.
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
