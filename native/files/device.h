// SPDX-License-Identifier: Apache-2.0
// Devices that are opened for a caller, see the devices controller in cgroups(7).
#pragma once

#include "files/file_system_type.h"
#include "files/file_task.h"

namespace seccompagent {

// While it lives, the agent moves us out of no cgroup.
class CgroupHold {
 public:
  explicit CgroupHold(const FileTask& task)
      : validity_(task.validity), is_here_(validity_.stay_in_cgroups()) {}
  CgroupHold(const CgroupHold&) = delete;
  CgroupHold& operator=(const CgroupHold&) = delete;
  ~CgroupHold() {
    if (is_here_) validity_.end_stay();
  }

  // False: it has moved us, since the container is paused, and the call is to be made again
  // (EINTR).
  [[nodiscard]] bool is_here() const { return is_here_; }

 private:
  const Validity& validity_;
  bool is_here_;
};

// Whether the rules of our own cgroup, which is the container's, are those of the caller's, which
// may allow less.
[[nodiscard]] bool may_act_on_device(const FileTask& task);

// Of a device that was found: 0, or why it is not opened. EOPNOTSUPP: its cgroup is another one, or
// who opens it counts.
[[nodiscard]] int device_error(const FileTask& task, const FileFacts& device);

// Whether to open it may take as long as whatever is behind it likes, as with a modem.
[[nodiscard]] bool may_wait(const FileFacts& device);

}  // namespace seccompagent
