// SPDX-License-Identifier: Apache-2.0
// The first process of a container whose runtime does not say it, or says what is to be judged.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "kernel/unique_fd.h"

namespace seccompagent {

// Processes to ask about later. Nobody else has got their numbers by then.
struct AskedProcesses {
  // Sender of a container's state: the runtime, or its child inside the container.
  UniqueFd sender = {};
  // Of root's sender, which may end sooner than they do. Users would fill as many descriptors.
  std::vector<UniqueFd> children = {};
  // As the state says; closed: it says none.
  UniqueFd said = {};
};

struct FoundProcess {
  pid_t pid;
  std::uint64_t identity;
};

// Waits for nobody. `said`: 0: the state says none, and the sender counts.
[[nodiscard]] AskedProcesses open_asked(pid_t sender, uid_t user, pid_t said);

// What was said, or else whom the sender or a child of its has entered. Of others than root's,
// only processes of this user count. Waits as process_owner.h says.
[[nodiscard]] std::optional<FoundProcess> find_first_process(const AskedProcesses& asked,
                                                             uid_t user);

// The first process of the pid namespace of a process's children, for kernels that do not tell
// (before 6.11): looks through all processes. Closed: there is none.
[[nodiscard]] UniqueFd first_in_machine_beside(const UniqueFd& pidfd);

// Whether all of its pid namespace ends with it.
[[nodiscard]] bool is_first_of_namespace(const UniqueFd& pidfd);

}  // namespace seccompagent
