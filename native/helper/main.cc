// SPDX-License-Identifier: Apache-2.0
// The helper: a process that has one role for all its life, which the agent tells it first, and
// serves one request after the other on descriptors that it is given.
#include <sys/types.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "helper/files_role.h"
#include "helper/hardening.h"
#include "helper/mounts_role.h"
#include "helper/wire.h"

namespace seccompagent {
namespace {

int run(pid_t parent) {
  if (!harden_helper(parent)) return 1;
  std::vector<std::byte> message(kMaxMessage);
  auto received = receive_message(kHelperSocket, message);
  if (!received) return 1;
  const auto start = decode_start(std::span(message).first(received->length));
  if (!start) return 1;
  choose_oom_score(start->is_charged_apart);
  switch (start->role) {
    case HelperRole::files:
      return serve_files(*start, std::move(received->fds), message);
    case HelperRole::mounts:
      return serve_mounts(received->fds, message);
  }
  return 1;
}

}  // namespace
}  // namespace seccompagent

// The only argument is the pid of who starts it, in the pid namespace that both are in.
int main(int argc, char** argv) {
  return argc == 2 ? seccompagent::run(static_cast<pid_t>(std::strtol(argv[1], nullptr, 10))) : 1;
}
