// SPDX-License-Identifier: Apache-2.0
// A process that does nothing, for tests of what is known of others.
#pragma once

#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
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

// Runs as a user, and waits to be killed.
class UsersSleeper {
 public:
  // `namespaces`: new ones for it, as of clone(2).
  explicit UsersSleeper(uid_t user, const char* name = "sleeper", std::uint64_t namespaces = 0) {
    int is_user[2];
    CHECK_EQUAL(pipe(is_user), 0);
    clone_args arguments = {};
    arguments.flags = namespaces;
    arguments.exit_signal = SIGCHLD;
    pid_ = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
    CHECK(pid_ != -1);
    if (pid_ == 0) {
      if (prctl(PR_SET_NAME, name) == -1 || setresuid(user, user, user) == -1 ||
          prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || write(is_user[1], "", 1) != 1)
        _exit(1);
      for (;;) pause();
    }
    close(is_user[1]);
    char one = 0;
    CHECK_EQUAL(read(is_user[0], &one, 1), 1);
    close(is_user[0]);
  }
  UsersSleeper(const UsersSleeper&) = delete;
  UsersSleeper& operator=(const UsersSleeper&) = delete;
  ~UsersSleeper() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

}  // namespace seccompagent::test
