// SPDX-License-Identifier: Apache-2.0
// The helper: a process that has one role for all its life, which the agent tells it first, and
// serves one request after the other on descriptors that it is given.
#include <sys/types.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "helper/files_role.h"
#include "helper/hardening.h"
#include "helper/mounts_role.h"
#include "helper/reply.h"
#include "helper/wire.h"

namespace seccompagent {
namespace {

// Their lists come first. They are closed then, and the others are left.
[[nodiscard]] Result<void> join_cgroups(const HelperStart& start, std::vector<UniqueFd>& fds) {
  if (fds.size() < start.cgroups.size()) return fail(EBADMSG);
  Result<void> joined;
  for (std::size_t at = 0; at < start.cgroups.size(); ++at) {
    if (start.cgroups[at] == joined.has_value()) {
      // one that is needed comes after one that failed
      if (!joined) return joined;
      continue;
    }
    constexpr char kItself = '0';
    joined = write(fds[at].get(), &kItself, 1) == -1 ? fail_errno() : Result<void>();
  }
  fds.erase(fds.begin(), fds.begin() + static_cast<std::ptrdiff_t>(start.cgroups.size()));
  return joined;
}

int run(pid_t parent) {
  if (!harden_helper(parent)) return 1;
  std::vector<std::byte> message(kMaxMessage);
  auto received = receive_message(kHelperSocket, message);
  if (!received) return 1;
  const auto start = decode_start(std::span(message).first(received->length));
  if (!start) return 1;
  choose_oom_score(start->is_charged_apart);
  if (const auto joined = join_cgroups(*start, received->fds); !joined) {
    reply(failed_reply("join", joined.error()));
    return 1;
  }
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
