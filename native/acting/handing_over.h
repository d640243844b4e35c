// SPDX-License-Identifier: Apache-2.0
// Operations whose outcome is the answer of the call: a helper does both.
#pragma once

#include "acting/handed_calls.h"
#include "acting/helper.h"
#include "caller/target.h"
#include "files/file_operation.h"
#include "kernel/result.h"

namespace seccompagent {

[[nodiscard]] HelperCaller helper_caller_of(const Target& target, const ActingCgroups* cgroups);

// Whether nobody but the caller needs its outcome.
[[nodiscard]] bool may_hand_over(const FileRequest& request);
// The same of whom it is done for.
[[nodiscard]] bool may_hand_over(const Target& target);

// For this helper, of a target that was pinned for helpers. ESRCH: the notification is gone.
[[nodiscard]] Result<HandOver> prepare(const Helper& helper, Target target,
                                       const FileRequest& request);

}  // namespace seccompagent
