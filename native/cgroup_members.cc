// SPDX-License-Identifier: Apache-2.0
#include "cgroup_members.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

#include "cgroup_places.h"
#include "process_files.h"

namespace seccompagent {
namespace {

struct NamespaceId {
  dev_t device;
  ino_t inode;
  friend bool operator==(const NamespaceId&, const NamespaceId&) = default;
};

[[nodiscard]] std::optional<NamespaceId> id_of(const UniqueFd& fd) {
  struct stat found = {};
  if (!fd.is_open() || fstat(fd.get(), &found) == -1) return std::nullopt;
  return NamespaceId{.device = found.st_dev, .inode = found.st_ino};
}

[[nodiscard]] UniqueFd open_namespace(const std::string& process, const char* name) {
  const std::string path = "/proc/" + process + "/ns/" + name;
  return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// Whether a pid namespace is this one or below it.
[[nodiscard]] bool is_within(UniqueFd at, const NamespaceId& wanted) {
  while (at.is_open()) {
    if (id_of(at) == wanted) return true;
    // EPERM: what is above is none that we can see
    at.reset(ioctl(at.get(), NS_GET_PARENT));
  }
  return false;
}

// What a runtime sends into a container stays in the pid namespace it came from; its children do
// not.
[[nodiscard]] bool belongs(const std::string& process, const NamespaceId& container) {
  UniqueFd own = open_namespace(process, "pid");
  // it has ended
  if (!own.is_open()) return errno != EACCES && errno != EMFILE && errno != ENFILE;
  return is_within(std::move(own), container) ||
         is_within(open_namespace(process, "pid_for_children"), container);
}

[[nodiscard]] bool all_belong(const std::string& folder, const NamespaceId& container) {
  const auto processes = read_file(folder + "/cgroup.procs");
  // a cgroup below may be gone by now, and threads of version 2 have their processes above
  if (!processes)
    return processes.error() == Errno{ENOENT} || processes.error() == Errno{ENODEV} ||
           processes.error() == Errno{EOPNOTSUPP};
  std::string_view rest = *processes;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (!belongs(std::string(rest.substr(0, end)), container)) return false;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return true;
}

[[nodiscard]] bool all_belong_below(const std::string& folder, const NamespaceId& container) {
  namespace fs = std::filesystem;
  if (!all_belong(folder, container)) return false;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  const fs::recursive_directory_iterator end;
  for (; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored) && !all_belong(at->path().string(), container)) return false;
  }
  // folders that go away meanwhile are no reason to go on without a look at the others
  return !error;
}

[[nodiscard]] bool is_in(pid_t process, const CgroupPlace& cgroup) {
  const auto text = read_file("/proc/" + std::to_string(process) + "/cgroup");
  if (!text) return false;
  const auto path = cgroup_path(*text, cgroup.hierarchy);
  return path && (*path == cgroup.path || path->starts_with(cgroup.path + "/"));
}

[[nodiscard]] std::optional<pid_t> parent_of(const UniqueFd& process) {
  const auto status = read_of_process(process, "status");
  if (!status) return std::nullopt;
  constexpr std::string_view kName = "\nPPid:";
  const std::size_t at = status->find(kName);
  if (at == std::string::npos) return std::nullopt;
  constexpr int kDecimal = 10;
  return static_cast<pid_t>(std::strtol(status->c_str() + at + kName.size(), nullptr, kDecimal));
}

}  // namespace

bool has_others(const CgroupPlace& cgroup, const UniqueFd& first_process,
                std::span<const pid_t> other_firsts) {
  const auto own = open_of_process(first_process, "ns/pid");
  const auto container = own ? id_of(*own) : std::nullopt;
  if (!container) return true;
  if (container != id_of(open_namespace("self", "pid")))
    return !all_belong_below(cgroup.folder, *container);
  const auto parent = parent_of(first_process);
  if (!parent || (*parent > 0 && is_in(*parent, cgroup))) return true;
  return std::ranges::any_of(other_firsts, [&](pid_t other) { return is_in(other, cgroup); });
}

}  // namespace seccompagent
