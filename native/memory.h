// SPDX-License-Identifier: Apache-2.0
// Bounded reads of a caller's memory, with the errors that the kernel gives for the same pointer.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "result.h"

namespace seccompagent {

// PATH_MAX of the kernel, the NUL included.
inline constexpr std::size_t kPathMax = 4096;

// Reads a string and returns its length without the NUL. EFAULT: it runs into memory that is not
// there. `too_long`: no NUL within `out`. EPERM or ESRCH: the caller can't be read at all.
// The bytes count only when the notification is still valid afterwards.
[[nodiscard]] Result<std::size_t> read_string(pid_t tid, std::uint64_t address,
                                              std::span<std::byte> out, Errno too_long);

// Reads what mount(2) reads of its data: up to a page, as much as is there, cut at the first NUL.
// EFAULT: not even the first byte is there.
[[nodiscard]] Result<std::size_t> read_mount_data(pid_t tid, std::uint64_t address,
                                                  std::span<std::byte> out);

}  // namespace seccompagent
