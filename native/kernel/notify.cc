// SPDX-License-Identifier: Apache-2.0
// The ioctls of a seccomp listener; the only file that includes <linux/seccomp.h>, with bpf.cc.
#include "kernel/notify.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace seccompagent {

Result<NotifySizes> notify_sizes() {
  struct seccomp_notif_sizes sizes = {};
  if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == -1) return fail_errno();
  return NotifySizes{sizes.seccomp_notif, sizes.seccomp_notif_resp, sizes.seccomp_data};
}

NotifyBuffers::NotifyBuffers(const NotifySizes& sizes)
    : request_(std::max(sizes.notification, sizeof(seccomp_notif))),
      response_(std::max(sizes.response, sizeof(seccomp_notif_resp))) {}

Result<void> NotifyBuffers::receive(int listener, Notification& notification) {
  // The kernel refuses a buffer that is not zeroed (EINVAL).
  std::memset(request_.data(), 0, request_.size());
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request_.data()) == -1) return fail_errno();
  const auto& kernel = *reinterpret_cast<const seccomp_notif*>(request_.data());
  notification.id = kernel.id;
  notification.tid = static_cast<pid_t>(kernel.pid);
  notification.arch = kernel.data.arch;
  notification.nr = kernel.data.nr;
  notification.instruction_pointer = kernel.data.instruction_pointer;
  std::copy_n(kernel.data.args, notification.arguments.size(), notification.arguments.begin());
  return {};
}

void NotifyBuffers::fill(std::uint64_t id, const Response& response) {
  std::memset(response_.data(), 0, response_.size());
  seccomp_notif_resp kernel = {};
  kernel.id = id;
  // CONTINUE wants val and error to be 0.
  if (response.is_continue) {
    kernel.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  } else {
    kernel.val = response.error == 0 ? response.value : 0;
    kernel.error = response.error;
  }
  std::memcpy(response_.data(), &kernel, sizeof kernel);
}

Result<void> NotifyBuffers::respond(int listener, std::uint64_t id, const Response& response) {
  fill(id, response);
  while (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response_.data()) == -1) {
    // SEND takes the filter's lock interruptibly: EINTR comes before anything was answered
    if (errno != EINTR) return fail_errno();
  }
  return {};
}

Arrival NotifyBuffers::try_to_respond(int listener, std::uint64_t id, const Response& response) {
  fill(id, response);
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response_.data()) != -1) return Arrival::arrived;
  return errno == EINTR ? Arrival::held : Arrival::lost;
}

// A signal in the middle of that takes the descriptor out of the kernel's queue, but not the
// answer: the caller would get 0, whatever its descriptor 0 is.
Result<void> respond_with_fd(int listener, std::uint64_t id, int fd, bool is_close_on_exec) {
  seccomp_notif_addfd kernel = {};
  kernel.id = id;
  kernel.flags = SECCOMP_ADDFD_FLAG_SEND;
  kernel.srcfd = static_cast<std::uint32_t>(fd);
  kernel.newfd_flags = is_close_on_exec ? O_CLOEXEC : 0;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int number = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &kernel);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (number == -1) return fail(error);
  return {};
}

Result<int> add_fd(int listener, std::uint64_t id, int fd, int at, bool is_close_on_exec) {
  seccomp_notif_addfd kernel = {};
  kernel.id = id;
  kernel.srcfd = static_cast<std::uint32_t>(fd);
  kernel.newfd_flags = is_close_on_exec ? O_CLOEXEC : 0;
  if (at >= 0) {
    kernel.flags = SECCOMP_ADDFD_FLAG_SETFD;
    kernel.newfd = static_cast<std::uint32_t>(at);
  }
  const int number =
      retry_eintr([&] { return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &kernel); });
  if (number == -1) return fail_errno();
  return number;
}

Result<unsigned long> probe_id_valid(int fd) {
  // The owner of a FUSE file answers ioctls as it likes; names of such files start with a slash.
  constexpr std::string_view kName = "anon_inode:seccomp notify";
  char path[40];
  char target[kName.size() + 1];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(path, target, sizeof target);
  if (length == -1 || std::string_view(target, static_cast<std::size_t>(length)) != kName)
    return fail(ENOTTY);
  // Any listener says ENOENT to an id that was never given; other files say ENOTTY or EINVAL.
  for (const unsigned long request : {static_cast<unsigned long>(SECCOMP_IOCTL_NOTIF_ID_VALID),
                                      static_cast<unsigned long>(SECCOMP_IOR(2, __u64))}) {
    std::uint64_t never_given = 0;
    if (ioctl(fd, request, &never_given) != -1) continue;
    if (errno == ENOENT) return request;
    if (errno == EINTR) return fail(EBUSY);
  }
  return fail(ENOTTY);
}

bool id_valid(int listener, unsigned long request, std::uint64_t id) {
  return retry_eintr([&] { return ioctl(listener, request, &id); }) == 0;
}

Awaited ask_awaited(int listener, unsigned long request, std::uint64_t id) {
  if (ioctl(listener, request, &id) == 0) return Awaited::yes;
  return errno == EINTR ? Awaited::unknown : Awaited::no;
}

bool has_users(int listener) {
  pollfd users = {.fd = listener, .events = 0, .revents = 0};
  do {
    if (poll(&users, 1, 0) <= 0) return true;
    // a signal has kept the kernel from looking
  } while ((users.revents & (POLLERR | POLLHUP)) == POLLERR);
  return (users.revents & POLLHUP) == 0;
}

Result<void> set_sync_wake_up(int listener) {
  // The flags are the ioctl's argument itself, not a pointer to them.
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == -1)
    return fail_errno();
  return {};
}

}  // namespace seccompagent
