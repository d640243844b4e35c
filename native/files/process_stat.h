// SPDX-License-Identifier: Apache-2.0
// A process as its `stat` in a procfs says, see proc_pid_stat(5).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace seccompagent {

struct ProcessStat {
  // Numbers in the pid namespace of the procfs: of the process or thread, and of its session.
  pid_t number;
  pid_t session;
  // Number of the device; 0: there is no controlling terminal.
  int terminal;
  // In clock ticks after the boot.
  std::uint64_t start;
};

// Nothing: there is no such file in the mount that the directory is in.
[[nodiscard]] std::optional<ProcessStat> read_process_stat(int directory, const char* path);

// Of a process in the root of a procfs.
[[nodiscard]] std::optional<ProcessStat> stat_of_process(int processes, pid_t process);

}  // namespace seccompagent
