// SPDX-License-Identifier: Apache-2.0
// Facts about a caller that handlers may ask for, and descriptors taken from or given to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "caller/target.h"
#include "kernel/border.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "process/callers_fd.h"

namespace seccompagent {

// A copy of what the caller has under this number, see pidfd_getfd(2). EBADF: it has nothing there.
// ESRCH: the notification is gone.
[[nodiscard]] Result<CallersFd> take_descriptor(const CallId& call, int fd, Payer payer);

// Writes a CallerCredentials and the groups, cut where the bytes end. ESRCH: the notification is
// gone.
[[nodiscard]] Result<void> describe_caller(const CallId& call, std::span<std::byte> into);

// Whether a caller has a Linux capability in a user namespace, by the rules of user_namespaces(7).
// Writes a CallerProcess, cut where the bytes end: whether the process is the one that
// `first_process` stands for. ESRCH: the notification is gone.
[[nodiscard]] Result<void> describe_process(const CallId& call, const UniqueFd& first_process,
                                            std::span<std::byte> into);

// `made_in`: the user namespace in which the runtime has made the container; -1: nobody knows it.
// ESRCH: the notification is gone, or that is not known.
[[nodiscard]] Result<bool> has_capability_in(const CallId& call, unsigned capability,
                                             CapabilityIn where, int made_in);

}  // namespace seccompagent
