// SPDX-License-Identifier: Apache-2.0
// Operations on a caller's files, by a helper that the worker waits for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "acting/helper.h"
#include "caller/target.h"
#include "container/acting_cgroups.h"
#include "files/file_operation.h"
#include "kernel/outcome.h"
#include "kernel/payer.h"
#include "kernel/unique_fd.h"
#include "process/child.h"

namespace seccompagent {

struct FileOutcome {
  Outcome outcome;
  std::string bytes;
  UniqueFd fd;
  // See FileAnswer.
  bool is_closed_at_once = false;
  // The number by which the caller has got what was opened; -1: it has not.
  int given = -1;
  // Of what was looked up.
  std::optional<LettingGo> letting_go = std::nullopt;
  // It waits for another process, and the helper answers the call once it is handed over.
  std::unique_ptr<Helper> waiting = nullptr;
};

struct Acting {
  const Target& target;
  const FileRequest& request;
  const Patience& patience;
  // Of what acts for it, and of what is made.
  Owner owner;
  // See HelperCaller.
  const ActingCgroups* cgroups;
  // Of undo_mknod: what was made.
  int made = -1;
  // See FileOutcome::waiting.
  bool may_be_left = false;
  // See HelperRequest.
  bool may_come_again = false;
};

// With a lent Linux capability, which takes somebody in our own user namespace, what the caller has
// in another one counts for nothing.
[[nodiscard]] FileOutcome act_on_file(const Acting& acting);

}  // namespace seccompagent
