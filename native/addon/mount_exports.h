// SPDX-License-Identifier: Apache-2.0
// Operations on mounts that are there, which `operate` does.
#pragma once

#include <napi.h>

#include <optional>
#include <string>

#include "kernel/border.h"
#include "receiver/worker.h"

namespace seccompagent {

struct MountTexts {
  std::optional<std::string> path;
  // Of an unmount: paths of settings, each with a NUL behind it.
  std::optional<std::string> spared;
};

Napi::Value change_mount(const Napi::CallbackInfo& info, Worker& worker, MountOperation operation,
                         MountTexts texts, const OperationNumbers& numbers);

}  // namespace seccompagent
