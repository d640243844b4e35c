// SPDX-License-Identifier: Apache-2.0
// Links that helpers may not open: those of the caller's own entry in procfs.
#pragma once

#include <memory>

#include "acting/handed_call.h"
#include "files/callers_process.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Opens the link for the helper at the other end of this copy of its socket, and lets it go on. The
// link's file system may keep who opens it waiting, so a thread of its own does. Else the call
// fails.
void open_link_for(std::shared_ptr<HandedCall> call, OwnLink link, UniqueFd socket);

}  // namespace seccompagent
