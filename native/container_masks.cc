// SPDX-License-Identifier: Apache-2.0
// Reads mountinfo, see proc_pid_mountinfo(5).
//
// The container may change its mounts while this is done, and the kernel gives a page of the text
// at a time: a proc of one page and the masks of another could be of different times. poll(2) tells
// whether anything was mounted, moved or taken away since the file was opened, see proc(5).
#include "container_masks.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cstdio>
#include <string>

namespace seccompagent {
namespace {

constexpr int kTries = 5;

[[nodiscard]] Result<std::string> read_bounded(const UniqueFd& file) {
  std::string text;
  char chunk[16384];
  for (;;) {
    const ssize_t got = retry_eintr([&] { return read(file.get(), chunk, sizeof chunk); });
    if (got == -1) return fail_errno();
    if (got == 0) return text;
    text.append(chunk, static_cast<std::size_t>(got));
    if (text.size() > kMostMountinfo) return fail(E2BIG);
  }
}

[[nodiscard]] bool has_changed(const UniqueFd& mountinfo) {
  pollfd change = {.fd = mountinfo.get(), .events = POLLPRI, .revents = 0};
  return retry_eintr([&] { return poll(&change, 1, 0); }) != 0;
}

// EAGAIN: it changed meanwhile.
[[nodiscard]] Result<std::string> read_mountinfo(pid_t pid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/mountinfo", pid);
  const UniqueFd file(retry_eintr([&] { return open(path, O_RDONLY | O_CLOEXEC); }));
  if (!file.is_open()) return fail_errno();
  auto text = read_bounded(file);
  return text && has_changed(file) ? fail(EAGAIN) : std::move(text);
}

}  // namespace

Result<Masks> masks_of_process(pid_t pid, const UniqueFd& pidfd) {
  if (!pidfd.is_open()) return fail(ESRCH);
  auto text = read_mountinfo(pid);
  for (int tries = kTries; !text && text.error() == Errno{EAGAIN} && tries > 1; --tries)
    text = read_mountinfo(pid);
  // whoever has got the number since is somebody else
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) == -1) return fail(ESRCH);
  // one that has ended and was not waited for yet has no mounts
  if (!text) return fail(text.error() == Errno{EINVAL} ? ESRCH : text.error().number);
  return find_masks(*text);
}

}  // namespace seccompagent
