// SPDX-License-Identifier: Apache-2.0
#include "container_masks.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cstdio>
#include <string>
#include <utility>

namespace seccompagent {
namespace {

// What a text was found to say. A container's mounts seldom change between two calls, and
// understanding them takes longer than comparing them.
struct Understood {
  std::string text;
  Masks masks;
};

// Longer texts are rare, and each worker would keep one.
constexpr std::size_t kMostKeptText = 32UL * 1024;

[[nodiscard]] Result<Masks> understand(std::string text) {
  static thread_local Understood last;
  if (!text.empty() && text == last.text) return last.masks;
  auto masks = find_masks(text);
  if (masks && text.size() <= kMostKeptText) last = {std::move(text), *masks};
  return masks;
}

[[nodiscard]] Result<std::string> mountinfo_of(pid_t pid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/mountinfo", pid);
  const UniqueFd file(retry_eintr([&] { return open(path, O_RDONLY | O_CLOEXEC); }));
  return file.is_open() ? read_mountinfo(file) : fail_errno();
}

}  // namespace

Result<Masks> masks_of_process(pid_t pid, const UniqueFd& pidfd) {
  if (!pidfd.is_open()) return fail(ESRCH);
  auto text = mountinfo_of(pid);
  // whoever has got the number since is somebody else
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0) == -1) return fail(ESRCH);
  // one that has ended and was not waited for yet has no mounts
  if (!text) return fail(text.error() == Errno{EINVAL} ? ESRCH : text.error().number);
  return understand(std::move(*text));
}

}  // namespace seccompagent
