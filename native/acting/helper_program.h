// SPDX-License-Identifier: Apache-2.0
// The program of the helpers, and the child that becomes it.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "helper/wire.h"
#include "kernel/raw_syscall.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "process/child.h"
#include "process/child_starter.h"

namespace seccompagent {

// A copy that nobody can change, not even who reaches it through /proc/PID/exe: on a file system of
// its own, which is mounted nowhere. A memfd would do where no sysctl forbids to execute it, see
// vm.memfd_noexec.
[[nodiscard]] Result<UniqueFd> fixed_program();

// Descriptors that the child is given, in this order.
inline constexpr int kGivenProgram = ChildStarter::kFirstGiven;
inline constexpr int kGivenSocket = kGivenProgram + 1;

// Memory of the child until it is another program.
struct HelperLaunch {
  explicit HelperLaunch(ChildStack own_stack) : stack(std::move(own_stack)) {
    std::snprintf(parent, sizeof parent, "%d", getpid());
  }

  ChildStack stack;
  char name[32] = "seccompagent-helper";
  // Our pid, which is the same for the helper: whose children are in another pid namespace can
  // start no threads.
  char parent[16] = "";
  char* argv[3] = {name, parent, nullptr};
  char* envp[1] = {};

  static SECCOMPAGENT_CHILD_CODE int child_main(void* argument) {
    const HelperLaunch& launch = *static_cast<HelperLaunch*>(argument);
    if (raw_syscall(SYS_dup3, kGivenSocket, kHelperSocket, 0) < 0) return 1;
    raw_syscall(SYS_execveat, kGivenProgram, raw_pointer(""), raw_pointer(launch.argv),
                raw_pointer(launch.envp), AT_EMPTY_PATH);
    return 1;
  }
};

}  // namespace seccompagent
