// SPDX-License-Identifier: Apache-2.0
// One operation on files, with all that its steps need.
#pragma once

#include <cstdint>

#include "files/file_operation.h"

namespace seccompagent {

struct FileTask {
  const FileRequest& request;
  const FilePlace& place;
  const Validity& validity;
  // RESOLVE_BENEATH where the places are folders that no path may leave; else 0.
  std::uint64_t confined = 0;
};

[[nodiscard]] inline FileAnswer failure(int error) {
  return {.error = error, .bytes = {}, .fd = {}};
}
[[nodiscard]] inline FileAnswer gone() {
  return {.error = 0, .is_gone = true, .bytes = {}, .fd = {}};
}

}  // namespace seccompagent
