// SPDX-License-Identifier: Apache-2.0
#include "acting/file_message.h"

#include <fcntl.h>

#include <utility>

#include "caller/caller_state.h"
#include "kernel/notify.h"

namespace seccompagent {
namespace {

[[nodiscard]] Result<UniqueFd> open_root(const CallId& call) {
  auto root = CallerState::of(call.tid).open("root", O_PATH | O_DIRECTORY);
  if (!id_valid(call.listener, call.id_valid_request, call.id)) return fail(ESRCH);
  return root;
}

}  // namespace

Result<FileMessage> compose(const Helper& helper, const Target& target, const FileRequest& request,
                            int made) {
  const int second_base = made < 0 ? target.second_base.get() : made;
  // under a label, it would be looked for with the rights of that
  const bool is_there = target.root_mount != 0 && target.root_mount == helper.root_mount() &&
                        !target.label.is_foreign();
  FileMessage message = {
      .request = {.id = target.call.id,
                  .id_valid_request = target.call.id_valid_request,
                  .capabilities = target.credentials.effective_capabilities,
                  .umask = target.credentials.umask,
                  .file = request,
                  .process = {.process = target.numbers.process, .thread = target.numbers.thread},
                  .root_mount = is_there ? target.root_mount : 0,
                  .has_base = target.base.is_open(),
                  .has_second_base = second_base >= 0,
                  .has_same_listener = helper.has_listener(target.call)},
      .fds = {},
      .root = {}};
  if (!is_there && !target.root.is_open()) {
    auto root = open_root(target.call);
    if (!root) return std::unexpected(root.error());
    message.root = std::move(*root);
  }
  if (!is_there)
    message.fds.push_back(target.root.is_open() ? target.root.get() : message.root.get());
  for (const int base : {target.base.get(), second_base}) {
    if (base >= 0) message.fds.push_back(base);
  }
  return message;
}

}  // namespace seccompagent
