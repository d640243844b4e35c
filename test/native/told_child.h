// SPDX-License-Identifier: Apache-2.0
// A child that goes on when it is told to.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {

// Of the child, with what its work is given.
inline void await_told(int told) {
  char byte = 0;
  if (read(told, &byte, 1) != 1) _exit(1);
}

class ToldChild {
 public:
  template <typename Work>
  explicit ToldChild(Work work) {
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd theirs(ends[0]);
    ours_.reset(ends[1]);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      work(theirs.get());
      _exit(1);
    }
    CHECK(pid_ > 0);
  }
  ToldChild(const ToldChild&) = delete;
  ToldChild& operator=(const ToldChild&) = delete;
  ~ToldChild() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void tell() const { CHECK_EQUAL(write(ours_.get(), "", 1), 1L); }

 private:
  UniqueFd ours_;
  pid_t pid_ = -1;
};

}  // namespace seccompagent::test
