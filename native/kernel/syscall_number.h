// SPDX-License-Identifier: Apache-2.0
// Which system call a notification is, and the tables that are looked up by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace seccompagent {

// Which table of syscall numbers a call belongs to; the order is the one of syscall-numbers.ts.
enum class Arch : std::uint32_t { x86_64, i386, x32, arm64, unknown };

struct SyscallNumber {
  Arch arch;
  // Without the bit of x32.
  std::uint32_t number;
};

[[nodiscard]] SyscallNumber syscall_number(std::uint32_t audit_arch, std::int32_t nr);

inline constexpr std::size_t kArches = 4;
inline constexpr std::size_t kNumbers = 1024;
inline constexpr std::size_t kArguments = 6;

[[nodiscard]] constexpr bool is_in_table(const SyscallNumber& syscall) {
  return syscall.arch != Arch::unknown && syscall.number < kNumbers;
}

// Of a call that is in the table.
[[nodiscard]] constexpr std::size_t table_index(const SyscallNumber& syscall) {
  return static_cast<std::size_t>(syscall.arch) * kNumbers + syscall.number;
}

// How an argument is read; the values are those of native.ts.
enum class ReadKind : std::uint8_t {
  nothing,
  path,
  source,
  mount_data,
  xattr_name,
  // As many bytes as the next argument says.
  xattr_value,
  // A struct xattr_args, whose size is the next argument: of setxattrat(2) with the value that it
  // leads to, of getxattrat(2) as it is.
  xattr_args,
  xattr_room,
  // A struct open_how, whose size is the next argument.
  open_how,
};
inline constexpr int kLastReadKind = static_cast<int>(ReadKind::open_how);

// [arch][number][argument] -> ReadKind.
using ReadTable = std::vector<ReadKind>;
// [arch][number] -> whether the handlers of a container want the pointers followed.
using ReadSet = std::vector<std::uint8_t>;

}  // namespace seccompagent
