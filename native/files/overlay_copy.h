// SPDX-License-Identifier: Apache-2.0
// Copies that an overlay makes in memory before a file of a lower layer is changed.
#pragma once

#include <cstdint>
#include <optional>

namespace seccompagent {

// A file or directory that is copied, see is_copied_into_memory.
struct Copy {
  int file;
  bool has_content;
  // Our own procfs, which is the working directory afterwards.
  int processes;
  // The answer of weigh_above for our root; none: there is nothing above it.
  std::optional<std::uint64_t> above_root = std::nullopt;
};

// The bytes of the copy: its content, if `has_content`, its attributes, and the directories above
// it with theirs. More than any memory where the attributes are unreasonably many, or cannot be
// seen.
[[nodiscard]] std::uint64_t weigh_copy(const Copy& copy);

// The same for a directory that is to be our root, with the directories above it.
[[nodiscard]] std::uint64_t weigh_above(int directory, int processes);

}  // namespace seccompagent
