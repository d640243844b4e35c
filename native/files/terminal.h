// SPDX-License-Identifier: Apache-2.0
// Terminals that a caller opens by another process, see tty(4) and credentials(7).
#pragma once

#include <sys/types.h>

#include <string_view>

#include "files/file_system_type.h"
#include "files/file_task.h"

namespace seccompagent {

// By the major number of a device.
[[nodiscard]] bool is_pseudoterminal(unsigned major);

// Whether a device is one of the terminals in the text of /proc/tty/drivers, see proc_tty(5).
[[nodiscard]] bool is_among_terminals(std::string_view drivers, dev_t device);

// Of a character device that was found: 0, or why it is not opened. ENXIO: it is the caller's
// controlling terminal, and it has none. EOPNOTSUPP: it has one, or what is opened would become it;
// neither can be done by another process.
[[nodiscard]] int terminal_error(const FileTask& task, const FileFacts& device);

}  // namespace seccompagent
