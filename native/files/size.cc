// SPDX-License-Identifier: Apache-2.0
#include "files/size.h"

#include <unistd.h>

#include <cerrno>
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
  // also, beyond a limit of its own, the whole agent would get a SIGXFSZ
  if (task.held == HeldIds::of_file_systems) return failure(ENOTSUP);
  const std::uint64_t max = task.request.max_size;
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  bool is_over = false;
  FileAnswer done = perform_change(task, copy_cost_of(task, file->fd), [&] {
    FileAnswer changed = perform(task, [&] {
      return by_path(task, file->fd, [&](const char* path) -> long {
        const FileSizeLimit limit(max);
        return truncate(path, length_of(task.request));
      });
    });
    is_over = changed.error == EFBIG && max <= task.place.copy_room;
    return changed;
  });
  // that of the caller, not of what an overlay may copy
  if (is_over) done.error = EFBIG;
  return done;
}

}  // namespace seccompagent
