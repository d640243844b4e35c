// SPDX-License-Identifier: Apache-2.0
// The kernel's protection of symbolic links and of directories such as /tmp, for files that are
// opened by their descriptors, which bypasses it.
#pragma once

#include <string>

#include "files/file_task.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// As many as the kernel follows, see path_resolution(7).
inline constexpr int kMaxLinks = 40;

struct UnprotectedFile {
  UniqueFd opened;
  // Whether it is for its owner alone, which may be the caller, see open_for_owner in opening.cc.
  bool is_for_owner = false;
};

// The system's protection of directories such as /tmp, which comes with O_CREAT alone, see
// protected_regular and protected_fifos in proc_sys_fs(5), and so is whatever is neither: what is
// opened by its descriptor passes it by. `found` is what the path has led to. What is not free
// everywhere is looked for again together with its directory, and that file is the result: whoever
// renames things meanwhile could have one file found, and another place for it. EACCES: it is
// protected; ENOENT: nothing has the name any more.
[[nodiscard]] Result<UnprotectedFile> find_unprotected(const FileTask& task,
                                                       const std::string& path, UniqueFd found);

// Whether the caller may follow a symbolic link in this directory, the last name of its path or one
// before: 0, or what the kernel would say.
[[nodiscard]] int following_error(const FileTask& task, int directory, int link, bool is_last);

// The path with the text of the symbolic link in place of the last name; the path itself where that
// is none.
[[nodiscard]] Result<std::string> behind_link(const FileTask& task, const std::string& path);

}  // namespace seccompagent
