// SPDX-License-Identifier: Apache-2.0
// Bytes and descriptors from one connection.
#include "kernel/scm_rights.h"

#include <sys/socket.h>

#include <array>
#include <cstring>

namespace seccompagent {
namespace {

void take_fds(const cmsghdr& header, std::vector<UniqueFd>& fds) {
  const std::size_t count = (header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t index = 0; index < count; ++index) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(&header) + index * sizeof(int), sizeof fd);
    fds.emplace_back(fd);
  }
}

}  // namespace

Result<Chunk> receive_chunk(int connection, std::span<std::byte> out) {
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMaxReceivedFds * sizeof(int))> control;
  iovec vector = {.iov_base = out.data(), .iov_len = out.size()};
  msghdr message = {};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t length =
      retry_eintr([&] { return recvmsg(connection, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT); });
  if (length == -1) return fail_errno();
  Chunk chunk = {.length = static_cast<std::size_t>(length),
                 .fds = {},
                 .is_truncated = (message.msg_flags & MSG_CTRUNC) != 0};
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
      take_fds(*header, chunk.fds);
  }
  return chunk;
}

Result<PeerCredentials> peer_credentials(int connection) {
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == -1) return fail_errno();
  return PeerCredentials{peer.pid, peer.uid};
}

}  // namespace seccompagent
