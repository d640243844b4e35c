// SPDX-License-Identifier: Apache-2.0
// Resolution of a caller's path name by name, for paths that lead through a procfs: there, `self`
// and the links of the caller's own process are the caller's, and other links that lead to what a
// process has are not followed (ELOOP).
#pragma once

#include <cstdint>

#include "files/file_task.h"
#include "files/lookup.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Whether a path for which openat2(2) had this result, opened with O_PATH or failed, is to be
// resolved by walk_path: it leads to or through a procfs, or may do so.
[[nodiscard]] bool is_to_be_walked(const FileTask& task, int base, const char* path,
                                   Result<FileInPlace>& found, std::uint64_t flags,
                                   std::uint64_t resolve);

// The file that the path leads to, opened with O_PATH. Flags are O_NOFOLLOW and O_DIRECTORY,
// `resolve` those of openat2(2). With RESOLVE_BENEATH and RESOLVE_IN_ROOT, `..` leads to where the
// path has come from, so that no rename leads it out. The thread is in the caller's root and has
// all of its rights. EUCLEAN: a file of the caller is needed, see CallersProcess::wanted.
[[nodiscard]] Result<UniqueFd> walk_path(const FileTask& task, int base, const char* path,
                                         std::uint64_t flags, std::uint64_t resolve);

}  // namespace seccompagent
