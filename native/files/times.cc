// SPDX-License-Identifier: Apache-2.0
#include "files/times.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstring>

#include "files/effect.h"
#include "files/lookup.h"
#include "kernel/border.h"

namespace seccompagent {
namespace {

[[nodiscard]] timespec timespec_of(const NewTime& time) {
  switch (time.change) {
    case TimeChange::set:
      return {.tv_sec = time.seconds, .tv_nsec = time.nanoseconds};
    case TimeChange::now:
      return {.tv_sec = 0, .tv_nsec = UTIME_NOW};
    case TimeChange::omit:
      return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  }
  return {.tv_sec = 0, .tv_nsec = -1};
}

}  // namespace

FileAnswer change_times(const FileTask& task) {
  const std::string& data = task.request.data;
  std::array<NewTime, 2> given = {};
  if (!data.empty() && data.size() != sizeof given) return failure(EINVAL);
  std::memcpy(given.data(), data.data(), data.size());
  const auto file = find_file(task);
  if (!file) return failure(file.error().number);
  const std::array times = {timespec_of(given[0]), timespec_of(given[1])};
  return perform(task, [&] {
    return utimensat(file->fd, "", data.empty() ? nullptr : times.data(), AT_EMPTY_PATH);
  });
}

}  // namespace seccompagent
