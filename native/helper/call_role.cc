// SPDX-License-Identifier: Apache-2.0
#include "helper/call_role.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "files/lent_capability.h"

namespace seccompagent {

Result<void> CallRoles::set_capabilities(std::uint64_t wanted) {
  if (wanted == capabilities_) return {};
  if (const auto set = set_effective(wanted); !set) return std::unexpected(set.error());
  capabilities_ = wanted;
  return {};
}

// To change the root needs a Linux capability that the role may lack.
Result<void> CallRoles::take(const Role& role, const char*& step) {
  if (role.umask != umask_) umask(role.umask);
  umask_ = role.umask;
  if (role.root >= 0) {
    step = kRootStep;
    UniqueFd before(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!before.is_open()) return fail_errno();
    if (const auto all = set_capabilities(~0ULL); !all) return all;
    // nothing has changed
    if (fchdir(role.root) == -1) return fail_errno();
    before_ = std::move(before);
    if (chroot(".") == -1) return fail_errno();
  }
  step = "capset";
  return set_capabilities(role.capabilities);
}

void CallRoles::leave() {
  if (!before_.is_open()) return;
  const bool is_back = set_capabilities(~0ULL) && fchdir(before_.get()) == 0 && chroot(".") == 0;
  is_stuck_ = is_stuck_ || !is_back;
  before_.reset();
}

}  // namespace seccompagent
