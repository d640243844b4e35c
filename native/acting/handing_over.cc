// SPDX-License-Identifier: Apache-2.0
#include "acting/handing_over.h"

#include <utility>

#include "acting/file_message.h"
#include "helper/wire.h"

namespace seccompagent {

HelperCaller helper_caller_of(const Target& target, const ActingCgroups* cgroups) {
  return {.call = target.call,
          .credentials = target.credentials,
          .label = target.label,
          .places = target.places,
          .cgroups = cgroups};
}

bool may_hand_over(const FileRequest& request) {
  switch (request.operation) {
    // their bytes are written to the caller's memory
    case FileOperation::stat:
    case FileOperation::get_xattr:
    case FileOperation::list_xattr:
    case FileOperation::read_link:
    // the handler needs what these find
    case FileOperation::locate_name:
    case FileOperation::locate_file:
    case FileOperation::locate_opened:
    // and this belongs to another operation
    case FileOperation::undo_mknod:
      return false;
    default:
      return request.lent == 0;
  }
}

bool may_hand_over(const Target& target) {
  return target.base_error == 0 && !target.label.is_foreign();
}

Result<HandOver> prepare(const Helper& helper, Target target, const FileRequest& request) {
  auto composed = compose(helper, target, request);
  if (!composed) return std::unexpected(composed.error());
  composed->request.is_final = true;
  HandOver ready = {.helper = nullptr, .message = encode(composed->request), .fds = {}};
  for (UniqueFd* fd : {&composed->root, &target.root, &target.base, &target.second_base}) {
    if (fd->is_open()) ready.fds.push_back(std::move(*fd));
  }
  return ready;
}

}  // namespace seccompagent
