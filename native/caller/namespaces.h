// SPDX-License-Identifier: Apache-2.0
// Namespaces of a caller, see namespaces(7).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

enum class Namespace : std::uint8_t { user, mount, pid, net, ipc, cgroup, uts };

// Its number, which no other one has while somebody is in it; 0: it is our own.
[[nodiscard]] Result<std::uint64_t> foreign_namespace(pid_t tid, Namespace kind);

// Numbers of the namespaces that decide what a thread finds at its paths, and whether it may; 0: it
// is in ours.
struct Places {
  std::uint64_t mount = 0;
  std::uint64_t user = 0;
  std::uint64_t net = 0;
  std::uint64_t ipc = 0;
  std::uint64_t cgroup = 0;
  std::uint64_t uts = 0;

  friend bool operator==(const Places&, const Places&) = default;
};

// Of a thread that waits for the answer to a notification: they count if that is valid afterwards.
[[nodiscard]] Result<Places> places_of(pid_t tid);
// They are not looked up again where whoever has the thread's number cannot leave them any more.
// `status`: of the same wait, as is `places`.
void know_places(pid_t tid, const Places& places, std::string_view status);

// The namespace's descriptor, or a closed one when it is our own.
[[nodiscard]] Result<UniqueFd> open_foreign_namespace(pid_t tid, Namespace kind);

// Whether its mount namespace belongs to our user namespace, as that of the host does.
[[nodiscard]] Result<bool> has_mounts_of_ours(pid_t tid);

}  // namespace seccompagent
