// SPDX-License-Identifier: Apache-2.0
// Attributes that a helper for files takes on for one call, beside its permanent ones: root, umask
// and effective Linux capabilities, see credentials(7).
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

struct Role {
  // Those that count; what we do not have ourselves does not.
  std::uint64_t capabilities;
  mode_t umask;
  // O_PATH; -1: stays as it is.
  int root;
};

// The working directory is the root afterwards, and relative paths start at descriptors.
class CallRole {
 public:
  // We are in the role until this ends. `step` says which step failed, if one does.
  [[nodiscard]] static Result<CallRole> take(const Role& role, const char*& step);
  CallRole(CallRole&& other) noexcept;
  CallRole& operator=(CallRole&&) = delete;
  CallRole(const CallRole&) = delete;
  CallRole& operator=(const CallRole&) = delete;
  // If it can't come back it must not go on: the process aborts.
  ~CallRole();

 private:
  CallRole() = default;
  bool is_taken_ = true;
  // Root from before; nothing else is kept open between calls, which others might unmount.
  UniqueFd before_;
  bool has_root_ = false;
  bool has_capabilities_ = false;
  mode_t umask_ = 0;
};

}  // namespace seccompagent
