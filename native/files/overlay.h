// SPDX-License-Identifier: Apache-2.0
// Overlays with an upper layer in memory: where their files are kept, see overlayfs of the kernel.
#pragma once

#include <sys/vfs.h>

#include <cstdint>

namespace seccompagent {

// Since then, the inodes that a tmpfs counts include its extended attributes, and overlays give
// handles of files.
[[nodiscard]] bool is_of_linux_6_6();

[[nodiscard]] bool is_overlay(const struct statfs& system);

// Whether the upper layer may be in memory: an overlay has its figures of free space, of which file
// systems in memory reserve none for root.
[[nodiscard]] bool may_be_in_memory(const struct statfs& system);

// Where a file of an overlay is kept; unknown: the kernel does not tell.
enum class Kept : std::uint8_t { unknown, in_a_lower, in_memory, elsewhere };

[[nodiscard]] Kept kept_of(int file);

// Whether that is the upper layer.
[[nodiscard]] bool is_of_upper(Kept kept);

// Of an overlay that may be in memory: whether things made in this directory, or attributes of this
// file, are.
[[nodiscard]] bool is_upper_in_memory(const struct statfs& system, int file);

// Whether this directory is of an overlay that may copy files into memory before they are changed.
// `system`: the answer of fstatfs(2); nullptr: it was not asked.
[[nodiscard]] bool copies_into_memory(int directory, const struct statfs* system = nullptr);

// Whether this file or directory may have to be copied first, with the directories above it that
// the upper layer lacks.
[[nodiscard]] bool is_copied_into_memory(int file, const struct statfs* system = nullptr);

}  // namespace seccompagent
