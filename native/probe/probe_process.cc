// SPDX-License-Identifier: Apache-2.0
#include "probe/probe_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "kernel/unique_fd.h"
#include "probe/probe_child.h"

namespace seccompagent {
namespace {

constexpr std::array<char, 8> kBefore = {"before"};
constexpr std::array<char, 8> kAfter = {"after"};

ProbeOutcome read_memory(bool is_dumpable) {
  auto text = kBefore;
  auto* is_written = shared<std::atomic<bool>>();
  if (is_written == nullptr) return failed("mmap", errno);
  const ProbeChild child([&] {
    if (!is_dumpable) prctl(PR_SET_DUMPABLE, 0);
    const volatile char* from = kAfter.data();
    volatile char* to = text.data();
    for (std::size_t at = 0; at < text.size(); ++at) to[at] = from[at];
    is_written->store(true);
    sleep_for_ever();
  });
  if (child.pid() == -1) return failed("fork", errno);
  if (!wait_until(child, [&] { return is_written->load(); })) return failed("a child");
  std::array<char, 8> read = {};
  const iovec local = {.iov_base = read.data(), .iov_len = read.size()};
  const iovec remote = {.iov_base = text.data(), .iov_len = text.size()};
  if (process_vm_readv(child.pid(), &local, 1, &remote, 1, 0) == -1)
    return failed("process_vm_readv", errno);
  return read == kAfter ? kWorks : failed("what process_vm_readv has read");
}

}  // namespace

ProbeOutcome take_descriptor() {
  const UniqueFd own(eventfd(0, EFD_CLOEXEC));
  const ProbeChild child(sleep_for_ever);
  if (child.pid() == -1) return failed("fork", errno);
  const UniqueFd pidfd = child.pidfd();
  if (!pidfd.is_open()) return failed("pidfd_open", errno);
  const UniqueFd taken(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), own.get(), 0)));
  return taken.is_open() ? kWorks : failed("pidfd_getfd", errno);
}

ProbeOutcome read_caller_memory() { return read_memory(true); }
ProbeOutcome read_hidden_memory() { return read_memory(false); }

// Without ProbeChild, which relies on it.
ProbeOutcome send_signal() {
  constexpr int kLifeMs = 500;
  const pid_t child = fork();
  if (child == -1) return failed("fork", errno);
  if (child == 0) {
    poll(nullptr, 0, kLifeMs);
    _exit(0);
  }
  const int error = kill(child, SIGKILL) == -1 ? errno : 0;
  (void)retry_eintr([&] { return waitpid(child, nullptr, 0); });
  return error == 0 ? kWorks : failed("kill", error);
}

}  // namespace seccompagent
