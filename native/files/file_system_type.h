// SPDX-License-Identifier: Apache-2.0
// Types of file systems, by their magic number, see statfs(2).
#pragma once

#include <cstdint>

namespace seccompagent {

// The magic number; 0: it does not say.
[[nodiscard]] std::int64_t file_system_of(int fd);

[[nodiscard]] bool is_of_processes(int fd);

// Of processes, or of cgroups: what is written there is judged by who has opened it, in which
// cgroup namespace.
[[nodiscard]] bool is_of_kernel(std::int64_t type);

// Whether to close a file or directory there asks nobody, as FUSE, network file systems and what
// lies on top of others (overlay) do. What is left is done by the kernel, on local disks.
[[nodiscard]] bool closes_at_once(std::int64_t type);

// Whether a file system of this type takes who has the caller's ids of file systems alone for
// somebody else: mqueue counts its queues for the real user.
[[nodiscard]] bool is_mistaken_on(std::int64_t type);

}  // namespace seccompagent
