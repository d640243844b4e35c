// SPDX-License-Identifier: Apache-2.0
#include "files/size.h"

#include <unistd.h>

#include <cstdint>

#include "files/effect.h"
#include "files/file_size_limit.h"
#include "files/lookup.h"

namespace seccompagent {
namespace {

[[nodiscard]] off_t length_of(const FileRequest& request) {
  return static_cast<off_t>(request.first | std::uint64_t{request.second} << 32);
}

}  // namespace

FileAnswer change_size(const FileTask& task) {
  const std::uint64_t max = task.request.max_size;
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  return perform(task, [&] {
    return by_path(task, file->fd, [&](const char* path) -> long {
      const FileSizeLimit limit(max);
      return limit.is_set() ? truncate(path, length_of(task.request)) : -1;
    });
  });
}

}  // namespace seccompagent
