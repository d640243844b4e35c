// SPDX-License-Identifier: Apache-2.0
// Where the paths of a caller lead, for policies that are about files and not about texts: what is
// found stays open, and an operation starts there.
#pragma once

#include "files/file_task.h"

namespace seccompagent {

// Of locate_name, locate_file and locate_opened. The bytes of the answer are a FileStatus, a
// FileLocation, the path from the root that the thread is in, and the name; its file is what
// LocatedAs says. The path is empty for what has no name any more. EXDEV: it has one that the root
// does not lead to. EACCES: the caller may not look there.
[[nodiscard]] FileAnswer locate(const FileTask& task);

// Whether both were found at one place.
[[nodiscard]] bool are_one_place(const FileAnswer& one, const FileAnswer& other);

// Notes that the place is in a folder that is granted.
void note_granted(FileAnswer& found);

[[nodiscard]] constexpr bool is_look_up(FileOperation operation) {
  return operation == FileOperation::locate_name || operation == FileOperation::locate_file ||
         operation == FileOperation::locate_opened;
}

}  // namespace seccompagent
