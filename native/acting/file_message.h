// SPDX-License-Identifier: Apache-2.0
// Requests to helpers for files.
#pragma once

#include <vector>

#include "acting/helper.h"
#include "caller/target.h"
#include "files/file_operation.h"
#include "helper/wire.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

struct FileMessage {
  HelperRequest request;
  // Behind the listener: the root, if it is to come along, and the bases that are open. They are
  // the target's, but for the root.
  std::vector<int> fds;
  UniqueFd root;
};

// For this helper, of a target that was pinned. `made`: in place of the second base; -1: nothing.
// ESRCH: the notification is gone.
[[nodiscard]] Result<FileMessage> compose(const Helper& helper, const Target& target,
                                          const FileRequest& request, int made = -1);

}  // namespace seccompagent
