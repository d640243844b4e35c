// SPDX-License-Identifier: Apache-2.0
#include "reply.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <span>
#include <vector>

namespace seccompagent {

void reply(const HelperAnswer& answer, int fd) {
  const std::vector<std::byte> bytes = encode(answer);
  const std::span<const int> fds = fd < 0 ? std::span<const int>() : std::span(&fd, 1);
  if (!send_message(kHelperSocket, bytes, fds)) _exit(0);
}

HelperAnswer failed_reply(const char* step, Errno error) {
  HelperAnswer answer;
  answer.error = error.number;
  answer.failed_step = step;
  return answer;
}

bool AskedNotification::is_gone() const {
  std::uint64_t id = id_;
  return ioctl(listener_, request_, &id) == -1;
}

}  // namespace seccompagent
