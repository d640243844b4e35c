// SPDX-License-Identifier: Apache-2.0
// The files that a program may open, see landlock(7), also behind links.
#pragma once

#include <string>
#include <vector>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Files, and folders with all that is in them; no part of a path may be a link. Those that are not
// there are left out.
struct OpenableFiles {
  // To be read and executed.
  std::vector<std::string> readable;
  // For whatever there is.
  std::vector<std::string> writable;
};

// For landlock_restrict_self(2), which also needs PR_SET_NO_NEW_PRIVS. EOPNOTSUPP: this kernel has
// no Landlock, or a filter forbids it.
[[nodiscard]] Result<UniqueFd> make_ruleset(const OpenableFiles& files);

}  // namespace seccompagent
