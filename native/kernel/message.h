// SPDX-License-Identifier: Apache-2.0
// Messages with descriptors between processes of ours, see unix(7).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

inline constexpr std::size_t kMaxMessageFds = 16;

// One message with its descriptors.
[[nodiscard]] Result<void> send_message(int socket, std::span<const std::byte> bytes,
                                        std::span<const int> fds);
struct ReceivedMessage {
  std::size_t length;
  std::vector<UniqueFd> fds;
};
// EPIPE: the other end is closed. EMSGSIZE: it did not fit. EAGAIN: the socket's time is over.
[[nodiscard]] Result<ReceivedMessage> receive_message(int socket, std::span<std::byte> into);

}  // namespace seccompagent
