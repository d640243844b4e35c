// SPDX-License-Identifier: Apache-2.0
// What came of something that was done inside a container for a caller.
#pragma once

#include "result.h"

namespace seccompagent {

struct Outcome {
  // What the caller gets to hear: 0 or a positive errno. ETIMEDOUT when its patience ended it.
  int answer = 0;
  // The notification went away before the effect: nothing was done.
  bool is_gone = false;
  // The step at which we failed ourselves, with `failure`; nullptr otherwise. Whoever says it keeps
  // it: a string literal mostly.
  const char* failed_step = nullptr;
  int failure = 0;
};

[[nodiscard]] inline Outcome our_failure(const char* step, Errno error) {
  return {.answer = 0, .is_gone = false, .failed_step = step, .failure = error.number};
}

}  // namespace seccompagent
