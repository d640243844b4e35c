// SPDX-License-Identifier: Apache-2.0
#include "container/own_cgroup_mounts.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <string_view>

#include "kernel/process_files.h"

namespace seccompagent {
namespace {

// DEVICE PLACE TYPE …
[[nodiscard]] bool is_cgroup_line(std::string_view line) {
  for (int field = 0; field < 2; ++field)
    line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
  return line.starts_with("cgroup");
}

}  // namespace

Result<std::string> own_cgroup_mounts() {
  static std::mutex mutex;
  static std::optional<std::string> known;
  const std::lock_guard lock(mutex);
  if (known) return *known;
  const auto mounts = read_file("/proc/self/mounts");
  if (!mounts) return std::unexpected(mounts.error());
  known.emplace();
  for (std::string_view rest = *mounts; !rest.empty();) {
    const std::string_view line = rest.substr(0, std::min(rest.find('\n') + 1, rest.size()));
    if (is_cgroup_line(line)) known->append(line);
    rest.remove_prefix(line.empty() ? rest.size() : line.size());
  }
  return *known;
}

}  // namespace seccompagent
