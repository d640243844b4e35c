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

// The second step needs a Linux capability that the last one takes away.
Result<CallRole> CallRole::take(const Role& role, const char*& step) {
  CallRole taken;
  taken.umask_ = umask(role.umask);
  if (role.root >= 0) {
    step = "chroot";
    taken.before_.reset(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!taken.before_.is_open()) return fail_errno();
    taken.has_root_ = true;
    if (const auto entered = enter_root(role.root); !entered)
      return std::unexpected(entered.error());
  }
  step = "capset";
  const auto are_others = set_effective(role.capabilities);
  if (!are_others) return std::unexpected(are_others.error());
  taken.has_capabilities_ = *are_others;
  return taken;
}

CallRole::CallRole(CallRole&& other) noexcept
    : is_taken_(std::exchange(other.is_taken_, false)),
      before_(std::move(other.before_)),
      has_root_(other.has_root_),
      has_capabilities_(other.has_capabilities_),
      umask_(other.umask_) {}

CallRole::~CallRole() {
  if (!is_taken_) return;
  bool is_back = !has_capabilities_ || set_effective(~0ULL).has_value();
  if (has_root_) is_back = enter_root(before_.get()).has_value() && is_back;
  umask(umask_);
  if (!is_back) std::abort();
}

}  // namespace seccompagent
