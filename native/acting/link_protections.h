// SPDX-License-Identifier: Apache-2.0
// The system's protections of symbolic links and of files in directories such as /tmp, as they are
// at each call, see protected_symlinks, protected_regular and protected_fifos in proc_sys_fs(5).
#pragma once

#include "files/file_operation.h"
#include "kernel/result.h"

namespace seccompagent {

// Opens their files once for all of the process: to be called before descriptors can run out. A
// protection that the kernel does not know is off.
[[nodiscard]] Result<void> open_link_protections();

// Adds the protections that the operation asks for: callers can't read them.
void add_link_protections(FileRequest& request);

}  // namespace seccompagent
