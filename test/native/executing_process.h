// SPDX-License-Identifier: Apache-2.0
// A process within execve(2), where it closes a file whose file system does not answer: the kernel
// lets nobody look at most of its files in procfs meanwhile, and who tries can't be killed.
#pragma once

#include <unistd.h>

#include <atomic>
#include <thread>

#include "check.h"
#include "clinging_file.h"
#include "kernel/clock.h"
#include "told_child.h"

namespace seccompagent::test {

// One of a test, and after whatever starts threads that close what they need not.
class ExecutingProcess {
 public:
  ExecutingProcess() = default;
  ExecutingProcess(const ExecutingProcess&) = delete;
  ExecutingProcess& operator=(const ExecutingProcess&) = delete;
  ~ExecutingProcess() { file_.let_go(); }

  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  // Returns when it is within execve.
  void execute() const {
    child_.tell();
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
  // of what it executes with, the file system's own device is closed before the file
  const ToldChild child_{[](int told) {
    await_told(told);
    execl("/bin/true", "true", nullptr);
  }};
};

}  // namespace seccompagent::test
