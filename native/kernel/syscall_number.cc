// SPDX-License-Identifier: Apache-2.0
// Architectures by the numbers that the kernel reports, see seccomp(2) and syscall(2).
#include "kernel/syscall_number.h"

#include <linux/audit.h>

namespace seccompagent {
namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;

}  // namespace

SyscallNumber syscall_number(std::uint32_t audit_arch, std::int32_t nr) {
  const auto number = static_cast<std::uint32_t>(nr);
  switch (audit_arch) {
    case AUDIT_ARCH_X86_64:
      // -1 as a number has the bit too, and is no call of x32
      if (nr >= 0 && (number & kX32Bit) != 0) return {Arch::x32, number & ~kX32Bit};
      return {Arch::x86_64, number};
    case AUDIT_ARCH_I386:
      return {Arch::i386, number};
    case AUDIT_ARCH_AARCH64:
      return {Arch::arm64, number};
    default:
      return {Arch::unknown, number};
  }
}

}  // namespace seccompagent
