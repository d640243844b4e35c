// SPDX-License-Identifier: Apache-2.0
// The kernel's rules for the arguments of operations on files.
#pragma once

#include <cstdint>
#include <string>

#include "caller/target.h"
#include "files/file_operation.h"

namespace seccompagent {

[[nodiscard]] inline bool has_nul(const std::string& text) { return text.contains('\0'); }

// Kinds of the arguments of a path, see path_resolution(7).
[[nodiscard]] int path_error(const std::string& path, bool may_be_empty);

[[nodiscard]] bool is_followed(FileOperation operation, std::uint32_t flags);

// Errno of the kernel for a way to open, before it looks at any path. open(2) ignores what it
// does not know, and some flags exclude each other all the same.
[[nodiscard]] int open_how_error(const FileRequest& request, bool is_strict);

// Where a path starts of which openat2(2) was told how to resolve it. What forbids links forbids
// those of procfs, whose place is thus not looked for: the kernel refuses them.
[[nodiscard]] Start start_within(std::string path, int dirfd, std::uint64_t resolve,
                                 bool is_led_on);

// Whether a path is refused for a link of procfs that means something to the caller only.
[[nodiscard]] bool has_forbidden_link(const std::string& path, std::uint64_t resolve);

// Of the call's flags, those that the operation's own system call knows.
[[nodiscard]] std::uint32_t own_flags(FileOperation operation, std::uint32_t flags);

// Whether a descriptor that stands for a path only is none for this call.
[[nodiscard]] bool needs_open_file(FileOperation operation, std::uint32_t flags);

// Of a path that ends at an entry of /proc/self that is there, such as /proc/self/fd/3: what the
// kernel says to who means the entry itself. 0: what it leads to is meant.
[[nodiscard]] int entry_error(const FileRequest& request);

// Whether what the last link of a path leads to is meant, also where that is such an entry.
[[nodiscard]] bool is_led_on(const FileRequest& request);

[[nodiscard]] bool is_entry(const Start& start);

}  // namespace seccompagent
