// SPDX-License-Identifier: Apache-2.0
// Files of container runtimes, by paths that runtimes name.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "kernel/result.h"

namespace seccompagent {

// All bytes of a regular file. Whoever names the path may be anybody that may connect: nothing is
// followed into a process (ELOOP), and nothing that is no file is waited for (EINVAL). EFBIG: it
// has more than so many bytes. EPERM: it is neither root's nor the owner's. ETIMEDOUT: its file
// system does not answer within a second; a child asks it, so that nobody waits for longer.
[[nodiscard]] Result<std::string> read_runtime_file(const std::string& path, std::size_t max,
                                                    uid_t owner);

}  // namespace seccompagent
