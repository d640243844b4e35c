// SPDX-License-Identifier: Apache-2.0
// A process within execve(2), where it closes a file whose file system does not answer: the kernel
// lets nobody look at most of its files in procfs meanwhile, and who tries can't be killed.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "check.h"
#include "clinging_file.h"
#include "kernel/clock.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {

// One of a test, and after whatever starts threads that close what they need not.
class ExecutingProcess {
 public:
  ExecutingProcess() {
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd theirs(ends[0]);
    ours_.reset(ends[1]);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      char byte = 0;
      // of what it executes with, the file system's own device is closed before the file
      if (read(theirs.get(), &byte, 1) == 1) execl("/bin/true", "true", nullptr);
      _exit(1);
    }
    CHECK(pid_ > 0);
  }
  ExecutingProcess(const ExecutingProcess&) = delete;
  ExecutingProcess& operator=(const ExecutingProcess&) = delete;
  ~ExecutingProcess() {
    file_.let_go();
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Returns when it is within execve.
  void execute() const {
    CHECK_EQUAL(write(ours_.get(), "", 1), 1L);
    CHECK(file_.is_being_closed(20'000));
  }
  // Whether the work, which is done in a thread of its own, waits for the process; then the process
  // goes on.
  template <typename Work>
  [[nodiscard]] bool keeps_waiting(Work work) const {
    constexpr Nanoseconds kPatience = 10 * kSecond;
    std::atomic<bool> is_done = false;
    std::thread working([&] {
      work();
      is_done = true;
    });
    for (const Nanoseconds end = now() + kPatience; !is_done.load() && now() < end;)
      pause_for(kMillisecond);
    const bool was_done = is_done.load();
    file_.let_go();
    working.join();
    return !was_done;
  }

 private:
  const ClingingFile& file_ = ClingingFile::of_process();
  UniqueFd ours_;
  pid_t pid_ = -1;
};

}  // namespace seccompagent::test
