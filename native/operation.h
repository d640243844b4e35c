// SPDX-License-Identifier: Apache-2.0
// What is done inside a container for a caller, by a child process that becomes the caller.
#pragma once

#include <sys/types.h>

#include <string>

#include "child.h"
#include "mount_request.h"
#include "result.h"
#include "target.h"

namespace seccompagent {

struct Outcome {
  // What the caller gets to hear: 0 or a positive errno. ETIMEDOUT when its patience ended it.
  int answer = 0;
  // The notification went away before the effect: nothing was done.
  bool is_gone = false;
  // The step at which we failed ourselves, a string literal, with `failure`; nullptr otherwise.
  const char* failed_step = nullptr;
  int failure = 0;
};

[[nodiscard]] inline Outcome our_failure(const char* step, Errno error) {
  return {.answer = 0, .is_gone = false, .failed_step = step, .failure = error.number};
}

// A new mount. The mount point is resolved as the caller; CAP_SYS_ADMIN is lent for the mount. An
// empty mount point is the base itself.
[[nodiscard]] Outcome mount_filesystem(Target target, MountRequest request,
                                       const Patience& patience);

// For tests of the way that kernels before 6.18 need: never use proc's option `pidns`.
void refuse_pidns_option(bool is_refused);

}  // namespace seccompagent
