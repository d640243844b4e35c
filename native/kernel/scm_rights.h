// SPDX-License-Identifier: Apache-2.0
// Bytes and descriptors from one connection, see unix(7).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <vector>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

// Of one message: the kernel's SCM_MAX_FD. Those that there were no room for it would close at
// once, and whoever receives would wait for that.
constexpr std::size_t kMaxReceivedFds = 253;

struct Chunk {
  // 0: the peer has closed its end.
  std::size_t length;
  std::vector<UniqueFd> fds;
  // Descriptors were lost: our limit of open files.
  bool is_truncated;
};

// One recvmsg(2). EAGAIN: nothing there yet.
[[nodiscard]] Result<Chunk> receive_chunk(int connection, std::span<std::byte> out);

struct PeerCredentials {
  pid_t pid;
  uid_t uid;
};

[[nodiscard]] Result<PeerCredentials> peer_credentials(int connection);

}  // namespace seccompagent
