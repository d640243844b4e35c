// SPDX-License-Identifier: Apache-2.0
#include "container/acting_cgroups.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "kernel/process_files.h"
#include "kernel/unique_fd.h"
#include "process/cgroup_places.h"

namespace seccompagent {
namespace {

// Of these the kernel asks the process that acts. Others, as the freezer and cpu of version 1,
// would stop or slow down what the agent waits for.
constexpr std::array<std::string_view, 2> kControllers = {"memory", "devices"};

// The hierarchy that has the controller: in version 2, rules for devices are programs of cgroups
// there.
[[nodiscard]] std::string_view hierarchy_of(std::string_view controller, std::string_view theirs,
                                            std::string_view mounts) {
  const bool is_version_1 = cgroup_path(theirs, controller) && cgroup_mount(mounts, controller);
  return is_version_1 ? controller : kUnified;
}

[[nodiscard]] Result<void> join(const std::string& folder, pid_t process) {
  const std::string list = folder + "/cgroup.procs";
  const UniqueFd file(open(list.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.is_open()) return fail_errno();
  const std::string number = std::to_string(process);
  if (write(file.get(), number.data(), number.size()) == -1) return fail_errno();
  return {};
}

}  // namespace

ActingCgroups ActingCgroups::from(std::string_view theirs, std::string_view ours,
                                  std::string_view mounts) {
  ActingCgroups cgroups;
  for (const std::string_view controller : kControllers) {
    const std::string_view hierarchy = hierarchy_of(controller, theirs, mounts);
    const auto path = cgroup_path(theirs, hierarchy);
    const auto mounted = cgroup_mount(mounts, hierarchy);
    if (!path || !mounted || path == cgroup_path(ours, hierarchy)) continue;
    std::string folder = *mounted + (*path == "/" ? "" : *path);
    // nobody divides the first one
    if (hierarchy == kUnified && *path != "/") folder.append("/").append(kActingChild);
    if (std::ranges::find(cgroups.folders_, folder) == cgroups.folders_.end())
      cgroups.folders_.push_back(std::move(folder));
  }
  return cgroups;
}

Result<ActingCgroups> ActingCgroups::of(pid_t process) {
  const auto theirs = read_file("/proc/" + std::to_string(process) + "/cgroup");
  if (!theirs) return fail(ESRCH);
  const auto ours = read_file("/proc/self/cgroup");
  const auto mounts = read_file("/proc/self/mounts");
  if (!ours) return std::unexpected(ours.error());
  if (!mounts) return std::unexpected(mounts.error());
  return from(*theirs, *ours, *mounts);
}

Result<void> ActingCgroups::enter(pid_t process) const {
  for (const std::string& folder : folders_) {
    const bool is_child = folder.ends_with(std::string("/").append(kActingChild));
    if (is_child && mkdir(folder.c_str(), 0755) == -1 && errno != EEXIST) return fail_errno();
    if (const auto joined = join(folder, process); !joined) return joined;
  }
  return {};
}

}  // namespace seccompagent
