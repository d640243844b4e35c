// SPDX-License-Identifier: Apache-2.0
#include "files/size.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "files/effect.h"
#include "files/file_size_limit.h"
#include "files/lookup.h"
#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

[[nodiscard]] off_t length_of(const FileRequest& request) {
  return static_cast<off_t>(request.first | std::uint64_t{request.second} << 32);
}

[[nodiscard]] bool is_regular(int file) {
  struct stat found = {};
  return fstat(file, &found) == 0 && S_ISREG(found.st_mode);
}

// Has an overlay copy the file as far as it may: what is longer afterwards takes no memory, and the
// limit of what is copied is none of the new length.
[[nodiscard]] FileAnswer copy_up(const FileTask& task, int file) {
  const CopyCost cost = is_regular(file) ? copy_cost_of(task, file) : CopyCost{};
  if (cost.bytes == 0 && !cost.is_possible) return {};
  return perform_change(task, cost, [&] {
    return perform(task, [&] {
      return by_path(task, file, [](const char* path) -> long {
        const UniqueFd opened(open(path, O_WRONLY | O_CLOEXEC));
        return opened.is_open() ? 0 : -1;
      });
    });
  });
}

}  // namespace

FileAnswer change_size(const FileTask& task) {
  // also, beyond a limit of its own, the whole agent would get a SIGXFSZ
  if (task.held == HeldIds::of_file_systems) return failure(ENOTSUP);
  const std::uint64_t max = task.request.max_size;
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  FileAnswer copied = copy_up(task, file->fd);
  if (copied.error != 0 || copied.is_gone) return copied;
  FileAnswer done = perform(task, [&] {
    return by_path(task, file->fd, [&](const char* path) -> long {
      const FileSizeLimit limit(max);
      return limit.is_set() ? truncate(path, length_of(task.request)) : -1;
    });
  });
  done.copied = copied.copied;
  return done;
}

}  // namespace seccompagent
