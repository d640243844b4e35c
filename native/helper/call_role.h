// SPDX-License-Identifier: Apache-2.0
// Attributes that a helper for files takes on for one call, beside its permanent ones: root, umask
// and effective Linux capabilities, see credentials(7).
#pragma once

#include <sys/stat.h>
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

// Takes roles on for one call after the other: what the next one needs as well stays. Between calls
// only the root is the helper's own again, since others might unmount it.
class CallRoles {
 public:
  // All Linux capabilities that we have are effective.
  CallRoles() : umask_(umask(0)) { umask(umask_); }

  // We are in the role until `leave`, also where a step has failed, which `step` names. The working
  // directory is the root then, and relative paths start at descriptors. EACCES of `kRootStep`: the
  // caller may not search its root any more.
  [[nodiscard]] Result<void> take(const Role& role, const char*& step);
  static constexpr const char* kRootStep = "chroot";
  void leave();
  // It could not come back, as where the caller's user may not search the helper's own root: it
  // must not take a role for another caller.
  [[nodiscard]] bool is_stuck() const { return is_stuck_; }

 private:
  [[nodiscard]] Result<void> set_capabilities(std::uint64_t wanted);

  mode_t umask_;
  std::uint64_t capabilities_ = ~0ULL;
  // Root from before, while the call has another one.
  UniqueFd before_;
  bool is_stuck_ = false;
};

}  // namespace seccompagent
