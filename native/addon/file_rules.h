// SPDX-License-Identifier: Apache-2.0
// The kernel's rules for the arguments of operations on files.
#pragma once

#include <cstdint>
#include <string>

#include "caller/target.h"
#include "files/file_operation.h"

namespace seccompagent {

// The kernel's checks before any path: flags of rename, the type of a node. 0 or an errno.
[[nodiscard]] int early_error(const FileRequest& request);

[[nodiscard]] inline bool has_nul(const std::string& text) { return text.contains('\0'); }

// Kinds of the arguments of a path, see path_resolution(7).
[[nodiscard]] int path_error(const std::string& path, bool may_be_empty);

[[nodiscard]] bool is_followed(FileOperation operation, std::uint32_t flags);

// Errno of the kernel for a way to open, before it looks at any path. open(2) ignores what it
// does not know, and some flags exclude each other all the same.
[[nodiscard]] int open_how_error(const FileRequest& request, bool is_strict);

// Start of a path that openat2(2) was told how to resolve.
[[nodiscard]] Start start_within(std::string path, int dirfd, std::uint64_t resolve);

// Of the call's flags, those that the operation's own system call knows.
[[nodiscard]] std::uint32_t own_flags(FileOperation operation, std::uint32_t flags);

// Whether a descriptor that stands for a path only is none for this call.
[[nodiscard]] bool needs_open_file(FileOperation operation, std::uint32_t flags);

}  // namespace seccompagent
