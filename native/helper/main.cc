// SPDX-License-Identifier: Apache-2.0
// The helper: a process that the agent tells what it is for all its life, and that does one request
// after the other on descriptors that it is given. It knows nothing else.
#include <vector>

#include "files_role.h"
#include "hardening.h"
#include "mounts_role.h"
#include "wire.h"

namespace seccompagent {
namespace {

int run() {
  if (!harden_helper()) return 1;
  std::vector<std::byte> message(kMostMessage);
  auto received = receive_message(kHelperSocket, message);
  if (!received) return 1;
  const auto start = decode_start(std::span(message).first(received->length));
  if (!start) return 1;
  switch (start->role) {
    case HelperRole::files:
      return serve_files(*start, received->fds, message);
    case HelperRole::mounts:
      return serve_mounts(received->fds, message);
  }
  return 1;
}

}  // namespace
}  // namespace seccompagent

int main() { return seccompagent::run(); }
