// SPDX-License-Identifier: Apache-2.0
// Throw-away processes of a probe, and memory that they share with it.
#pragma once

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>
#include <utility>

#include "kernel/clock.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// The limit of one step of a probe; machines may be busy.
inline constexpr Nanoseconds kProbeStep = 10 * kSecond;
inline constexpr Nanoseconds kProbeLook = 200 * kMicrosecond;

// Memory that a child shares with us; it lives as long as the process that tries.
template <typename T>
T* shared() {
  void* memory =
      mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : new (memory) T();
}

// A child that is killed when it is not needed any more.
class ProbeChild {
 public:
  template <typename Main>
  explicit ProbeChild(Main main) : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    main();
    _exit(0);
  }
  ProbeChild(ProbeChild&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ProbeChild& operator=(ProbeChild&&) = delete;
  ProbeChild(const ProbeChild&) = delete;
  ProbeChild& operator=(const ProbeChild&) = delete;
  ~ProbeChild() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    (void)retry_eintr([&] { return waitpid(pid_, nullptr, __WALL); });
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool has_ended() const {
    siginfo_t info = {};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
  }
  [[nodiscard]] UniqueFd pidfd() const {
    return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  }

 private:
  pid_t pid_;
};

[[noreturn]] inline void sleep_for_ever() {
  while (true) pause();
}

template <typename Condition>
bool wait_until(const ProbeChild& child, Condition condition) {
  const Nanoseconds end = now() + kProbeStep;
  while (!condition()) {
    if (now() > end || child.has_ended()) return condition();
    pause_for(kProbeLook);
  }
  return true;
}

}  // namespace seccompagent
