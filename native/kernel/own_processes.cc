// SPDX-License-Identifier: Apache-2.0
#include "kernel/own_processes.h"

#include <fcntl.h>

#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

[[nodiscard]] const UniqueFd& opened() {
  static const UniqueFd processes(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  return processes;
}

}  // namespace

Result<void> open_own_processes() { return opened().is_open() ? Result<void>() : fail(EACCES); }

int own_processes() { return opened().get(); }

}  // namespace seccompagent
