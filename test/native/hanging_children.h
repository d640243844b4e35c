// SPDX-License-Identifier: Apache-2.0
// A container that already has as many children that hang as it may.
#pragma once

#include <unistd.h>

#include "process/ending_children.h"

namespace seccompagent::test {

// They are no children of anybody's, and nobody ever looks whether they have ended: no thread was
// started that would.
inline void let_too_many_hang(Payer payer) {
  for (std::size_t i = 0; i < EndingChildren::kMaxHanging; ++i) {
    EndingChildren::of_process().add(
        {.process = {.pid = getppid(), .pidfd = UniqueFd()}, .payer = payer, .hangs = true});
  }
}

}  // namespace seccompagent::test
