// SPDX-License-Identifier: Apache-2.0
#include "helper/reply.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <span>
#include <utility>
#include <vector>

namespace seccompagent {

void reply(const HelperAnswer& answer) {
  if (!send_message(kHelperSocket, encode(answer), {})) _exit(0);
}

namespace {

void hold_until_taken(HelperAnswer& answer, UniqueFd fd) {
  answer.held = fd.get();
  reply(answer);
  std::byte taken = {};
  if (!receive_message(kHelperSocket, std::span(&taken, 1))) _exit(0);
}

}  // namespace

void reply_with(HelperAnswer answer, UniqueFd fd) {
  hold_until_taken(answer, std::move(fd));
  answer.held = -1;
  reply(answer);
}

void reply_with(HelperAnswer answer, UniqueFd fd, std::atomic<std::uint32_t>& let_go) {
  answer.is_let_go_counted = true;
  hold_until_taken(answer, std::move(fd));
  let_go.fetch_add(1, std::memory_order_release);
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
