// SPDX-License-Identifier: Apache-2.0
// Devices that are opened for a caller, see the devices controller in cgroups(7).
#pragma once

#include "files/file_system_type.h"
#include "files/file_task.h"

namespace seccompagent {

// Of a device that was found: 0, or why it is not opened. Our own cgroup decides, which is the one
// of the container; EOPNOTSUPP: the caller's own cgroup is another one, which may allow less.
[[nodiscard]] int device_error(const FileTask& task, const FileFacts& device);

// Whether to open it may take as long as whatever is behind it likes, as with a modem.
[[nodiscard]] bool may_wait(const FileFacts& device);

}  // namespace seccompagent
