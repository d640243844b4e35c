// SPDX-License-Identifier: Apache-2.0
// Operations on paths that a handler has had looked up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "acting/acting.h"
#include "files/file_operation.h"
#include "kernel/result.h"
#include "receiver/found_path.h"
#include "receiver/worker.h"

namespace seccompagent {

// How the path of a request is to be looked up, or its second one.
[[nodiscard]] PathMeaning meaning_of(const FileRequest& request, bool is_second);

// What an operation is done on in place of its path; nullptr: its path is looked up then.
// EOPNOTSUPP: it was looked up with another meaning, as a file and not as a name. EPERM and EEXIST:
// it is in no granted folder.
[[nodiscard]] Result<const FoundPath*> find_found(const Worker& worker, const FileRequest& request,
                                                  bool is_second);

// The answer of a look-up, whose file is kept. EMFILE: the call has had too many looked up.
[[nodiscard]] Result<void> note_found(Worker& worker, const FileRequest& request, bool is_second,
                                      FileOutcome& done);

}  // namespace seccompagent
