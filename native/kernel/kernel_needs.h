// SPDX-License-Identifier: Apache-2.0
// System calls that an agent cannot do without, whoever it answers for.
#pragma once

namespace seccompagent {

// The name of the first one that this kernel, or a filter that we run under, does not know
// (ENOSYS); nullptr: it has them all. Better asked once than found out at a container's call.
[[nodiscard]] const char* missing_system_call();

}  // namespace seccompagent
