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

#include "container/own_cgroup_mounts.h"
#include "kernel/process_files.h"
#include "kernel/unique_fd.h"
#include "process/cgroup_places.h"

namespace seccompagent {
namespace {

// Of these the kernel asks the process that acts. Others, as the freezer and cpu of version 1,
// would stop or slow down what the agent waits for.
constexpr std::string_view kMemory = "memory";
constexpr std::string_view kFreezer = "freezer";
constexpr std::array kControllers = {kMemory, std::string_view("devices")};

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

// Closed: see errno.
[[nodiscard]] UniqueFd open_list(const std::string& folder, const char* name) {
  return UniqueFd(open((folder + "/" + name).c_str(), O_WRONLY | O_CLOEXEC));
}

[[nodiscard]] bool is_child(std::string_view folder) {
  return folder.ends_with(kActingChild) && folder.size() > kActingChild.size() &&
         folder[folder.size() - kActingChild.size() - 1] == '/';
}

[[nodiscard]] std::string above(const std::string& child) {
  return child.substr(0, child.size() - kActingChild.size() - 1);
}

}  // namespace

Result<ActingCgroups> ActingCgroups::from(std::string_view theirs, std::string_view ours,
                                          std::string_view mounts) {
  ActingCgroups cgroups;
  cgroups.freezer_mount_ = cgroup_mount(mounts, kFreezer).value_or("");
  for (const std::string_view controller : kControllers) {
    const std::string_view hierarchy = hierarchy_of(controller, theirs, mounts);
    const auto path = cgroup_path(theirs, hierarchy);
    const auto mounted = cgroup_mount(mounts, hierarchy);
    if (!path || !mounted || path == cgroup_path(ours, hierarchy)) continue;
    if (path->starts_with("/..")) return fail(EOPNOTSUPP);
    const bool is_first = *path == "/";
    std::string folder = *mounted + (is_first ? "" : *path);
    // nobody divides the first one, or freezes it
    if (hierarchy == kUnified && !is_first) {
      cgroups.unified_mount_ = *mounted;
      cgroups.unified_path_ = *path;
      folder.append("/").append(kActingChild);
    }
    if (controller == kMemory) cgroups.are_charged_apart_ = !is_first;
    if (std::ranges::find(cgroups.folders_, folder) == cgroups.folders_.end())
      cgroups.folders_.push_back(std::move(folder));
  }
  return cgroups;
}

Result<ActingCgroups> ActingCgroups::of(std::string_view text) {
  const auto ours = read_file("/proc/self/cgroup");
  const auto mounts = own_cgroup_mounts();
  if (!ours) return std::unexpected(ours.error());
  if (!mounts) return std::unexpected(mounts.error());
  return from(text, *ours, *mounts);
}

Result<std::vector<CgroupList>> ActingCgroups::open_lists(
    std::vector<std::string>& children) const {
  constexpr const char* kProcesses = "cgroup.procs";
  std::vector<CgroupList> lists;
  const auto add = [&lists](UniqueFd list, bool is_alternative) {
    if (list.is_open()) lists.push_back({std::move(list), is_alternative});
  };
  for (const std::string& folder : folders_) {
    const std::size_t before = lists.size();
    if (is_child(folder)) {
      // Others may remove it meanwhile. Where none may be made, as below one of threads, it is the
      // cgroup itself.
      if (mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST)
        add(open_list(folder, kProcesses), false);
      const bool has_child = lists.size() > before;
      if (has_child) children.push_back(folder);
      add(open_list(above(folder), kProcesses), has_child);
    } else {
      // of single threads, which version 2 does not have there
      add(open_list(folder, "tasks"), false);
      if (lists.size() == before) add(open_list(folder, kProcesses), false);
    }
    if (lists.size() == before) return fail_errno();
  }
  return lists;
}

// Above the first one there are no such files.
bool ActingCgroups::are_frozen() const {
  for (std::string path = unified_path_; !path.empty(); path.resize(path.rfind('/'))) {
    const auto word = read_file(unified_mount_ + path + "/cgroup.freeze");
    if (!word) return false;
    if (word->starts_with('1')) return true;
  }
  return false;
}

bool ActingCgroups::have(std::string_view text) const {
  const auto path = cgroup_path(text, kUnified);
  return !unified_path_.empty() && path && (*path + "/").starts_with(unified_path_ + "/");
}

bool ActingCgroups::are_stopping(std::string_view text) const {
  const auto path = cgroup_path(text, kFreezer);
  if (freezer_mount_.empty() || !path) return false;
  // of the first one there is no such file
  const auto state = read_file(freezer_mount_ + *path + "/freezer.state");
  return state && !state->starts_with("THAWED");
}

// Ours may be another one by now.
Result<void> ActingCgroups::leave(pid_t process) const {
  const auto text = read_file("/proc/self/cgroup");
  if (!text) return std::unexpected(text.error());
  const auto own = cgroup_path(*text, kUnified);
  if (!own || own->starts_with("/..")) return fail(EOPNOTSUPP);
  return join(unified_mount_ + *own, process);
}

}  // namespace seccompagent
