// SPDX-License-Identifier: Apache-2.0
// The outcome of an operation inside a container for a caller.
#pragma once

#include "kernel/made.h"
#include "kernel/result.h"

namespace seccompagent {

struct Outcome {
  // Errno for the caller: 0 or positive. ETIMEDOUT when its patience ended it.
  int answer = 0;
  // The notification went away before the effect: nothing was done.
  bool is_gone = false;
  // The step at which we failed ourselves, with `failure`; nullptr otherwise. Whoever says it keeps
  // it: a string literal mostly.
  const char* failed_step = nullptr;
  int failure = 0;
  // Why the kernel did not let us take on the caller's label; 0: it did, or there was no need to.
  // Nothing was done then, and the answer is EACCES.
  int label_refusal = 0;
  // Of a mount: what it takes.
  Made made = {};
};

[[nodiscard]] inline Outcome our_failure(const char* step, Errno error) {
  return {.answer = 0, .is_gone = false, .failed_step = step, .failure = error.number};
}

[[nodiscard]] inline Outcome refused_label(Errno error) {
  return {.answer = EACCES, .label_refusal = error.number};
}

}  // namespace seccompagent
