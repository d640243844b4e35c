// SPDX-License-Identifier: Apache-2.0
// See setresuid(2), setfsuid(2), prctl(2), and capabilities(7) for the securebits.
#include "kernel/counted_apart.h"

#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/drawn_user.h"

namespace seccompagent {
namespace {

constexpr uid_t kRoot = 0;
constexpr uid_t kAsItIs = static_cast<uid_t>(-1);

}  // namespace

// Of this thread: what the C library has is for all of them.
void CountedApart::become(uid_t user) const {
  (void)syscall(SYS_setresuid, kAsItIs, user, kAsItIs);
  (void)syscall(SYS_setfsuid, kRoot);
  (void)prctl(PR_SET_DUMPABLE, is_dumpable_);
  if (death_signal_ == 0) return;
  // it may have ended while its death would not have ended us
  if (prctl(PR_SET_PDEATHSIG, death_signal_) == -1 || getppid() != parent_) _exit(1);
}

CountedApart::CountedApart() {
  static const uid_t drawn = draw_user();
  if (geteuid() != kRoot) return;
  const int before = prctl(PR_GET_SECUREBITS);
  // else it would lose its Linux capabilities
  if (before == -1 || prctl(PR_SET_SECUREBITS, before | SECBIT_NO_SETUID_FIXUP) == -1) return;
  before_ = before;
  parent_ = getppid();
  is_dumpable_ = prctl(PR_GET_DUMPABLE);
  (void)prctl(PR_GET_PDEATHSIG, &death_signal_);
  become(drawn);
}

CountedApart::~CountedApart() {
  if (before_ == -1) return;
  become(kRoot);
  (void)prctl(PR_SET_SECUREBITS, before_);
}

}  // namespace seccompagent
