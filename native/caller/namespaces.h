// SPDX-License-Identifier: Apache-2.0
// Namespaces of a caller, see namespaces(7).
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

enum class Namespace : std::uint8_t { user, mount, pid, net, ipc, cgroup, uts };

// Its number, which no other one has while somebody is in it; 0: it is our own.
[[nodiscard]] Result<std::uint64_t> foreign_namespace(pid_t tid, Namespace kind);

// The namespace's descriptor, or a closed one when it is our own.
[[nodiscard]] Result<UniqueFd> open_foreign_namespace(pid_t tid, Namespace kind);

// Whether its mount namespace belongs to our user namespace, as that of the host does.
[[nodiscard]] Result<bool> has_mounts_of_ours(pid_t tid);

}  // namespace seccompagent
