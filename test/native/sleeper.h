// SPDX-License-Identifier: Apache-2.0
// A process that does nothing, for tests of what is known of others.
#pragma once

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

#include "check.h"

namespace seccompagent::test {

// A process that waits to be killed.
class Sleeper {
 public:
  // `pid`: the one that it gets; 0: any.
  explicit Sleeper(pid_t pid = 0) {
    clone_args arguments = {};
    arguments.exit_signal = SIGCHLD;
    if (pid != 0) {
      arguments.set_tid = reinterpret_cast<std::uint64_t>(&pid);
      arguments.set_tid_size = 1;
    }
    const long started = syscall(SYS_clone3, &arguments, sizeof arguments);
    CHECK(started != -1);
    if (started == 0) {
      for (;;) pause();
    }
    pid_ = static_cast<pid_t>(started);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() { end(); }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void end() {
    if (pid_ == 0) return;
    CHECK_EQUAL(kill(pid_, SIGKILL), 0);
    CHECK_EQUAL(waitpid(pid_, nullptr, 0), pid_);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

}  // namespace seccompagent::test
