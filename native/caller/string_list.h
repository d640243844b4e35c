// SPDX-License-Identifier: Apache-2.0
// Reads a list of strings of a caller, such as the arguments of execve(2).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "caller/memory.h"
#include "kernel/result.h"

namespace seccompagent {

inline constexpr std::size_t kMaxStrings = 1024;
inline constexpr std::size_t kMaxStringBytes = 4096;

struct StringList {
  pid_t tid;
  // Of its first pointer; 0 is a list without strings, as execve(2) has it.
  std::uint64_t address;
  // Pointers have 32 bits.
  bool is_narrow;
  Reader reader;
};

// Writes 4 bytes that are 1 if something is missing and else 0, then for each string its length in
// 4 bytes and its bytes; returns how many that are. Missing are strings behind kMaxStrings, or for
// which there is no room, and bytes of a string behind kMaxStringBytes. Errors are those of
// `read_string`.
[[nodiscard]] Result<std::size_t> read_string_list(const StringList& list,
                                                   std::span<std::byte> out);

}  // namespace seccompagent
