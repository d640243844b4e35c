// SPDX-License-Identifier: Apache-2.0
// See credentials(7), and kill(2) for whose signals a process gets: its real and saved user count,
// and the effective one of the sender.
#include "process/as_user.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/blocked_signals_thread.h"
#include "kernel/drawn_user.h"

namespace seccompagent {
namespace {

constexpr uid_t kRoot = 0;

// Of this thread: what the C library has is for all of them.
[[nodiscard]] bool become(uid_t user) {
  static const uid_t drawn = draw_user();
  if (syscall(SYS_setgroups, 0, nullptr) == -1) return false;
  if (syscall(SYS_setresgid, drawn, drawn, drawn) == -1) return false;
  if (syscall(SYS_setresuid, drawn, user, drawn) == -1) return false;
  // there may be securebits by which they stay
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  return syscall(SYS_capset, &header, none) == 0;
}

struct Work {
  uid_t user;
  const std::function<Result<void>()>& effect;
  Result<void> done = fail(EPERM);
};

void* carry_out(void* argument) {
  auto* const work = static_cast<Work*>(argument);
  if (become(work->user)) work->done = work->effect();
  return nullptr;
}

}  // namespace

Result<void> as_user(uid_t user, const std::function<Result<void>()>& effect) {
  if (user == kRoot || user == geteuid()) return effect();
  Work work = {.user = user, .effect = effect};
  JoinedThread thread;
  if (const auto started = thread.start(carry_out, &work); !started) return started;
  thread.join();
  return work.done;
}

}  // namespace seccompagent
