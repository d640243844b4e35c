// SPDX-License-Identifier: Apache-2.0
#include "helper/reply.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <span>
#include <vector>

namespace seccompagent {

void reply(const HelperAnswer& answer) {
  if (!send_message(kHelperSocket, encode(answer), {})) _exit(0);
}

void reply_with(HelperAnswer answer, UniqueFd fd) {
  answer.held = fd.get();
  reply(answer);
  std::byte taken = {};
  if (!receive_message(kHelperSocket, std::span(&taken, 1))) _exit(0);
  fd.reset();
  answer.held = -1;
  reply(answer);
}

void reply_waiting() {
  HelperAnswer waiting;
  waiting.is_waiting = true;
  reply(waiting);
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
