// SPDX-License-Identifier: Apache-2.0
#include "files/terminal.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "files/process_stat.h"

namespace seccompagent {

bool is_pseudoterminal(unsigned major) {
  constexpr unsigned kFirst = 136;
  constexpr unsigned kLast = 143;
  return major >= kFirst && major <= kLast;
}

int terminal_error(const FileTask& task, const FileFacts& device) {
  const bool is_controlling = major(device.node) == 5 && minor(device.node) == 0;
  const bool may_become_it =
      is_pseudoterminal(major(device.node)) && (task.request.flags & O_NOCTTY) == 0;
  if (!is_controlling && !may_become_it) return 0;
  const CallersProcess* caller = task.place.process;
  if (caller == nullptr || caller->process.empty()) return EOPNOTSUPP;
  const pid_t process = caller->process.front();
  const auto stat = stat_of_process(task.place.processes, process);
  if (!stat) return EOPNOTSUPP;
  if (is_controlling) return stat->terminal == 0 ? ENXIO : EOPNOTSUPP;
  const bool is_leader = stat->session == process;
  return is_leader && stat->terminal == 0 ? EOPNOTSUPP : 0;
}

}  // namespace seccompagent
