// SPDX-License-Identifier: Apache-2.0
#include "files/device.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "files/terminal.h"
#include "kernel/unique_fd.h"
#include "process/cgroup_places.h"

namespace seccompagent {
namespace {

// These are in everybody's cgroup, see "Default Devices" in the OCI runtime specification, and who
// opens one never waits.
[[nodiscard]] bool is_common(const FileFacts& device) {
  constexpr unsigned kMemory = 1;
  constexpr std::array kHarmless = {3U, 5U, 7U, 8U, 9U};  // null, zero, full, random, urandom
  constexpr unsigned kTerminals = 5;
  constexpr std::array kOfTerminals = {0U, 2U};  // tty, ptmx
  if (!S_ISCHR(device.type)) return false;
  const auto has = [&](const auto& minors) {
    return std::ranges::find(minors, minor(device.node)) != minors.end();
  };
  switch (major(device.node)) {
    case kMemory:
      return has(kHarmless);
    case kTerminals:
      return has(kOfTerminals);
    default:
      return is_pseudoterminal(major(device.node));
  }
}

// The cgroup whose rules for devices count; none: nobody can tell.
[[nodiscard]] std::optional<std::string> cgroup_of(int processes, const std::string& process) {
  const UniqueFd file(openat(processes, (process + "/cgroup").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 16384> text = {};
  const ssize_t length = file.is_open() ? read(file.get(), text.data(), text.size()) : -1;
  if (length <= 0 || length == static_cast<ssize_t>(text.size())) return std::nullopt;
  const std::string_view all(text.data(), static_cast<std::size_t>(length));
  const auto version1 = cgroup_path(all, "devices");
  return version1 ? version1 : cgroup_path(all, kUnified);
}

[[nodiscard]] bool is_in_callers_cgroup(const FileTask& task) {
  const CallersProcess* caller = task.place.process;
  if (caller == nullptr || caller->thread.empty()) return false;
  const auto theirs = cgroup_of(task.place.processes, std::to_string(caller->thread.front()));
  auto ours = cgroup_of(task.place.processes, "self");
  if (!theirs || !ours) return false;
  if (*theirs == *ours) return true;
  const std::string child = (theirs->ends_with('/') ? "" : "/") + std::string(kActingChild);
  return *ours == *theirs + child;
}

}  // namespace

bool may_act_on_device(const FileTask& task) { return is_in_callers_cgroup(task); }

int device_error(const FileTask& task, const FileFacts& device) {
  constexpr std::int64_t kBinder = 0x6c6f6f70;
  // it keeps the process that opens it
  if (device.system == kBinder) return EOPNOTSUPP;
  if (!is_common(device) && !may_act_on_device(task)) return EOPNOTSUPP;
  return S_ISCHR(device.type) ? terminal_error(task, device) : 0;
}

bool may_wait(const FileFacts& device) { return S_ISCHR(device.type) && !is_common(device); }

}  // namespace seccompagent
