// SPDX-License-Identifier: Apache-2.0
// Notify filters, see seccomp(2) and the kernel's seccomp_filter.rst.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <vector>

#include "kernel/result.h"

namespace seccompagent {

// The calls of one architecture that are to be notified.
struct TrappedCalls {
  // AUDIT_ARCH_*.
  std::uint32_t arch;
  // As in seccomp_data.nr: numbers of x32 carry their bit.
  std::vector<std::uint32_t> numbers;
};

// Notifies the given calls and allows all others. Calls of an architecture that is not given fail
// with ENOSYS: nobody decided about them. E2BIG: more than the kernel takes.
[[nodiscard]] Result<std::vector<sock_filter>> assemble_filter(
    const std::vector<TrappedCalls>& trapped);

struct InstalledFilter {
  // A descriptor, or a negated errno.
  long listener;
  // Whether the kernel took SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (Linux 5.19).
  bool waits_killable;
};

// Installs the filter for the calling thread, from code that may only make raw system calls.
InstalledFilter install_filter(const sock_filter* instructions, unsigned short count);

}  // namespace seccompagent
