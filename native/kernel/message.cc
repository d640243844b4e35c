// SPDX-License-Identifier: Apache-2.0
#include "kernel/message.h"

#include <sys/socket.h>

#include <cstring>

namespace seccompagent {

Result<void> send_message(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  if (fds.size() > kMaxMessageFds) return fail(EINVAL);
  iovec data = {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(kMaxMessageFds * sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  if (retry_eintr([&] { return sendmsg(socket, &message, MSG_NOSIGNAL); }) == -1)
    return fail_errno();
  return {};
}

Result<ReceivedMessage> receive_message(int socket, std::span<std::byte> into) {
  iovec data = {.iov_base = into.data(), .iov_len = into.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(kMaxMessageFds * sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t length = retry_eintr([&] { return recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  if (length == -1) return fail_errno();
  ReceivedMessage received = {.length = static_cast<std::size_t>(length), .fds = {}};
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t index = 0; index < count; ++index) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + index * sizeof fd, sizeof fd);
      received.fds.emplace_back(fd);
    }
  }
  if (length == 0) return fail(EPIPE);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return fail(EMSGSIZE);
  return received;
}

}  // namespace seccompagent
