// SPDX-License-Identifier: Apache-2.0
// What the agent and a helper say to each other: one message of a SOCK_SEQPACKET socket each way.
// Both are built together, and the version keeps a mistake from being taken for something else.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../result.h"
#include "../unique_fd.h"
#include "file_operation.h"

namespace seccompagent {

inline constexpr std::uint32_t kWireVersion = 2;
// Two paths, a name and a value, as long as the kernel takes them, and what goes with them.
inline constexpr std::size_t kMostMessage = 96UL * 1024;
inline constexpr std::size_t kMostMessageFds = 8;
// The helper's end of the socket.
inline constexpr int kHelperSocket = 3;

// Who a helper is for all its life; comes first. With the user namespace's descriptor where that is
// not ours.
struct HelperStart {
  std::uint32_t uids[4];
  std::uint32_t gids[4];
  std::vector<gid_t> groups;
  bool has_user_namespace;
};

// With the descriptors of the listener, the root and the bases.
struct HelperRequest {
  std::uint64_t id;
  std::uint64_t id_valid_request;
  std::uint64_t capabilities;
  std::uint32_t umask;
  FileRequest file;
};

struct HelperAnswer {
  std::int32_t error = 0;
  bool is_gone = false;
  // The helper's own failure.
  std::string failed_step;
  std::string bytes;
  bool has_fd = false;
};

// EBADMSG from what reads: it is none of ours.
[[nodiscard]] std::vector<std::byte> encode(const HelperStart& start);
[[nodiscard]] std::vector<std::byte> encode(const HelperRequest& request);
[[nodiscard]] std::vector<std::byte> encode(const HelperAnswer& answer);
[[nodiscard]] Result<HelperStart> decode_start(std::span<const std::byte> message);
[[nodiscard]] Result<HelperRequest> decode_request(std::span<const std::byte> message);
[[nodiscard]] Result<HelperAnswer> decode_answer(std::span<const std::byte> message);

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
