// SPDX-License-Identifier: Apache-2.0
#include "acting/handing_over.h"

#include <fcntl.h>

#include <utility>

#include "caller/caller_state.h"
#include "helper/wire.h"
#include "kernel/notify.h"

namespace seccompagent {

HelperCaller helper_caller_of(const Target& target, const ActingCgroups* cgroups) {
  return {.call = target.call,
          .credentials = target.credentials,
          .label = target.label,
          .user_namespace = target.user_namespace.get(),
          .cgroups = cgroups};
}

bool may_hand_over(const FileRequest& request) {
  switch (request.operation) {
    // their bytes are written to the caller's memory
    case FileOperation::stat:
    case FileOperation::get_xattr:
    case FileOperation::list_xattr:
    case FileOperation::read_link:
    // and this belongs to another operation
    case FileOperation::undo_mknod:
      return false;
    default:
      return request.lent == 0;
  }
}

bool may_hand_over(const Target& target) {
  return target.base_error == 0 && target.second_base_error == 0 && !target.label.is_foreign();
}

Result<HandOver> prepare(const Helper& helper, Target target, const FileRequest& request) {
  const CallId& call = target.call;
  const bool is_there = target.root_mount != 0 && target.root_mount == helper.root_mount();
  Result<UniqueFd> opened;
  if (!is_there) {
    opened = CallerState::of(call.tid).open("root", O_PATH | O_DIRECTORY);
    if (!id_valid(call.listener, call.id_valid_request, call.id)) return fail(ESRCH);
    if (!opened) return std::unexpected(opened.error());
  }
  const HelperRequest asked = {.id = target.call.id,
                               .id_valid_request = target.call.id_valid_request,
                               .capabilities = target.credentials.effective_capabilities,
                               .umask = target.credentials.umask,
                               .file = request,
                               .process = {.process = std::move(target.numbers.process),
                                           .thread = std::move(target.numbers.thread)},
                               .is_final = true,
                               .root_mount = is_there ? target.root_mount : 0,
                               .has_base = target.base.is_open(),
                               .has_second_base = target.second_base.is_open()};
  HandOver ready = {.helper = nullptr, .message = encode(asked), .fds = {}};
  for (UniqueFd* fd : {&*opened, &target.base, &target.second_base}) {
    if (fd->is_open()) ready.fds.push_back(std::move(*fd));
  }
  return ready;
}

}  // namespace seccompagent
