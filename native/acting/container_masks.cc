// SPDX-License-Identifier: Apache-2.0
#include "acting/container_masks.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cstdio>
#include <string>
#include <utility>

#include "kernel/clock.h"
#include "kernel/process_files.h"

namespace seccompagent {
namespace {

// A parsed text. A container's mounts seldom change between two calls, and
// understanding them takes longer than comparing them.
struct Understood {
  std::string text;
  Masks masks;
};

// Longer texts are rare, and each worker would keep one.
constexpr std::size_t kMaxKeptText = 32UL * 1024;

[[nodiscard]] Result<Masks> understand(std::string text) {
  static thread_local Understood last;
  if (!text.empty() && text == last.text) return last.masks;
  auto masks = find_masks(text);
  if (masks && text.size() <= kMaxKeptText) last = {std::move(text), *masks};
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
  // its mount namespace is another one already, and its root is not yet, or the other way round
  if (text->empty()) return fail(EAGAIN);
  return understand(std::move(*text));
}

void ContainerMasks::note(const Mounts& mounts) {
  const auto found = find_masks(mounts);
  const std::lock_guard lock(mutex_);
  if (found && !first_) first_ = *found;
}

std::size_t ContainerMasks::bytes() {
  const std::lock_guard lock(mutex_);
  std::size_t bytes = sizeof *this;
  if (!first_) return bytes;
  for (const Cover* cover : {&first_->proc, &first_->sysfs}) {
    for (const Mask& mask : cover->masks) bytes += sizeof mask + mask.path.size();
  }
  return bytes;
}

std::string bound_in(const Mounts& mounts) {
  std::string bound;
  for (const auto& [id, mount] : mounts) {
    if (mount.root == "/") continue;
    if (bound.size() + mount.root.size() >= kMaxBound) return {};
    bound.append(mount.root) += '\0';
  }
  return bound;
}

FirstProcess open_first(pid_t pid) {
  FirstProcess first = {.pid = pid};
  if (pid > 0) first.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  return first;
}

std::string look_at_first(FirstProcess& first) {
  std::string bound;
  if (!first.pidfd.is_open()) return bound;
  const auto mountinfo = mountinfo_of(first.pidfd);
  const auto mounts = mountinfo ? parse_mounts(*mountinfo) : fail(mountinfo.error().number);
  if (mounts) {
    first.masks->note(*mounts);
    first.paths = HeldPaths::of_mounts(*mounts);
    bound = bound_in(*mounts);
  }
  first.places = find_first_places(first.pidfd);
  // of this process, and of no other that has its number by now
  const auto text = read_of_process(first.pidfd, "cgroup");
  auto cgroups = text ? ActingCgroups::of(*text) : std::unexpected(text.error());
  if (cgroups) first.cgroups = std::make_shared<const ActingCgroups>(std::move(*cgroups));
  return bound;
}

FirstProcess look_at_first(pid_t pid) {
  FirstProcess first = open_first(pid);
  (void)look_at_first(first);
  return first;
}

std::size_t bytes_of(const FirstProcess& process) {
  return process.masks->bytes() + process.paths->bytes();
}

Result<Masks> ContainerMasks::strictest(pid_t pid, const UniqueFd& pidfd) {
  constexpr int kLooks = 10;
  auto current = masks_of_process(pid, pidfd);
  for (int looks = 1; looks < kLooks && !current && current.error() == Errno{EAGAIN}; ++looks) {
    pause_for(kMillisecond);
    current = masks_of_process(pid, pidfd);
  }
  if (!current) return current;
  const std::lock_guard lock(mutex_);
  if (!first_) first_ = *current;
  return stricter(*first_, *current);
}

}  // namespace seccompagent
