// SPDX-License-Identifier: Apache-2.0
#include "files_role.h"

#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file_operation.h"
#include "hardening.h"
#include "reply.h"
#include "thread_role.h"

namespace seccompagent {
namespace {

// Positions of a request's descriptors.
constexpr std::size_t kListener = 0;
constexpr std::size_t kRoot = 1;
constexpr std::size_t kBase = 2;
constexpr std::size_t kSecondBase = 3;
constexpr std::size_t kRequestFds = 4;

// The ids of the caller, for good; then its user namespace, where it has all Linux capabilities
// that the requests choose from.
[[nodiscard]] Result<void> become(const HelperStart& start, int user_namespace, const char*& step) {
  step = "prctl of the securebits";
  // without the fix-up, changing ids leaves the Linux capabilities alone
  if (prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP) == -1)
    return fail_errno();
  step = "setgroups";
  if (syscall(SYS_setgroups, start.groups.size(), start.groups.data()) == -1) return fail_errno();
  step = "setresgid";
  const auto& [ruid, euid, suid, fsuid] = start.uids;
  const auto& [rgid, egid, sgid, fsgid] = start.gids;
  if (syscall(SYS_setresgid, rgid, egid, sgid) == -1) return fail_errno();
  step = "setresuid";
  if (syscall(SYS_setresuid, ruid, euid, suid) == -1) return fail_errno();
  syscall(SYS_setfsgid, fsgid);
  syscall(SYS_setfsuid, fsuid);
  step = "setns of the user namespace";
  if (user_namespace >= 0 && setns(user_namespace, CLONE_NEWUSER) == -1) return fail_errno();
  step = "prctl";
  return rearm();
}

[[nodiscard]] HelperAnswer answer_of(const FileAnswer& done) {
  HelperAnswer answer;
  answer.error = done.error;
  answer.is_gone = done.is_gone;
  answer.bytes = done.bytes;
  answer.has_fd = done.fd.is_open();
  return answer;
}

void act(const HelperRequest& request, const std::vector<UniqueFd>& fds) {
  const AskedNotification notification(fds[kListener].get(), request.id_valid_request, request.id);
  const Role role = {.ids = nullptr,
                     .capabilities = request.capabilities,
                     .umask = request.umask,
                     .root = fds[kRoot].get()};
  const char* step = "";
  const auto taken = ThreadRole::take(role, step);
  if (!taken) {
    reply(failed_reply(step, taken.error()));
    return;
  }
  const FilePlace place = {.base = fds[kBase].get(),
                           .second_base = fds[kSecondBase].get(),
                           .processes = ThreadRole::own_processes()};
  const FileAnswer done = operate_on_file(request.file, place, HeldIds::all, notification);
  reply(answer_of(done), done.fd.get());
}

// Becomes who the start says, and answers it.
[[nodiscard]] bool begin_as(const HelperStart& start, const std::vector<UniqueFd>& fds) {
  if (fds.size() != (start.has_user_namespace ? 1U : 0U)) return false;
  const int user_namespace = start.has_user_namespace ? fds.front().get() : -1;
  const char* step = "prepare";
  auto ready = ThreadRole::prepare();
  if (ready) ready = become(start, user_namespace, step);
  if (ready) {
    step = "seccomp";
    ready = confine_helper(HelperRole::files);
  }
  reply(ready ? HelperAnswer() : failed_reply(step, ready.error()));
  return ready.has_value();
}

}  // namespace

int serve_files(const HelperStart& start, const std::vector<UniqueFd>& fds,
                std::span<std::byte> message) {
  if (!begin_as(start, fds)) return 1;
  for (;;) {
    const auto received = receive_message(kHelperSocket, message);
    // the agent has closed its end
    if (!received) return 0;
    const auto request = decode_request(message.first(received->length));
    if (!request || received->fds.size() != kRequestFds) return 1;
    act(*request, received->fds);
  }
}

}  // namespace seccompagent
