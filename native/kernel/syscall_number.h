// SPDX-License-Identifier: Apache-2.0
// The system call of a notification, and the tables that are looked up by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/border.h"

namespace seccompagent {

struct SyscallNumber {
  Arch arch;
  // Without the bit of x32.
  std::uint32_t number;
};

[[nodiscard]] SyscallNumber syscall_number(std::uint32_t audit_arch, std::int32_t nr);

[[nodiscard]] constexpr bool is_in_table(const SyscallNumber& syscall) {
  return syscall.arch != Arch::unknown && syscall.number < kNumbers;
}

// Of a call that is in the table.
[[nodiscard]] constexpr std::size_t table_index(const SyscallNumber& syscall) {
  return static_cast<std::size_t>(syscall.arch) * kNumbers + syscall.number;
}

// [arch][number][argument] -> ReadKind.
using ReadTable = std::vector<ReadKind>;
// [arch][number] -> whether the handlers of a container want the pointers followed.
using ReadSet = std::vector<std::uint8_t>;

}  // namespace seccompagent
