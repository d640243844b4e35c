// SPDX-License-Identifier: Apache-2.0
#include "helper/call_role.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "files/lent_capability.h"

namespace seccompagent {
namespace {

[[nodiscard]] Result<void> enter_root(int root) {
  if (fchdir(root) == -1 || chroot(".") == -1) return fail_errno();
  return {};
}

}  // namespace

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
    step = "chroot";
    UniqueFd before(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!before.is_open()) return fail_errno();
    if (const auto all = set_capabilities(~0ULL); !all) return all;
    before_ = std::move(before);
    if (const auto entered = enter_root(role.root); !entered) return entered;
  }
  step = "capset";
  return set_capabilities(role.capabilities);
}

void CallRoles::leave() {
  if (!before_.is_open()) return;
  if (!set_capabilities(~0ULL) || !enter_root(before_.get())) std::abort();
  before_.reset();
}

}  // namespace seccompagent
