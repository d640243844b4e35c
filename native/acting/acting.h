// SPDX-License-Identifier: Apache-2.0
// Operations on a caller's files: by this thread where that is right and cheap, else by a helper.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "acting/helper.h"
#include "caller/target.h"
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
  // It waits for another process, and the helper answers the call once it is handed over.
  std::unique_ptr<Helper> waiting = nullptr;
};

// Who may act: a thread of ours can't be ended when a file system never answers.
enum class Actor : std::uint8_t { any, helper };

struct Acting {
  const Target& target;
  const FileRequest& request;
  const Patience& patience;
  Actor actor;
  // Of what acts for it, and of what is made.
  Owner owner;
  // Of undo_mknod: what was made, in place of the target's second base.
  int made = -1;
  // See FileOutcome::waiting.
  bool may_be_left = false;
};

// Only what is sure comes from our own thread: success, a name that is taken, and, of a caller in
// our own user namespace, what its file system ids and Linux capabilities decide. All other errors
// are a helper's, which has all ids of the caller and its user namespace.
[[nodiscard]] FileOutcome act_on_file(const Acting& acting);

// With the Linux capability that the request says, which takes somebody in our own user namespace:
// there, what the caller has in another one counts for nothing.
[[nodiscard]] FileOutcome act_with_power(const Acting& acting);

}  // namespace seccompagent
