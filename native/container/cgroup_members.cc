// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup_members.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "caller/memory_use.h"
#include "caller/process_owner.h"
#include "kernel/process_files.h"
#include "process/cgroup_places.h"

namespace seccompagent {
namespace {

constexpr uid_t kRoot = 0;

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

[[nodiscard]] bool has_ended(pid_t process) { return kill(process, 0) == -1 && errno == ESRCH; }

// A process that a runtime sends into a container stays in its first pid namespace; its children do
// not.
[[nodiscard]] bool is_below(const std::string& process, const NamespaceId& container) {
  UniqueFd own = open_namespace(process, "pid");
  // it has ended
  if (!own.is_open()) return errno != EACCES && errno != EMFILE && errno != ENFILE;
  return is_within(std::move(own), container) ||
         is_within(open_namespace(process, "pid_for_children"), container);
}

[[nodiscard]] std::optional<pid_t> parent_in(const Result<std::string>& status) {
  if (!status) return std::nullopt;
  constexpr std::string_view kName = "\nPPid:";
  const std::size_t at = status->find(kName);
  if (at == std::string::npos) return std::nullopt;
  constexpr int kDecimal = 10;
  return static_cast<pid_t>(std::strtol(status->c_str() + at + kName.size(), nullptr, kDecimal));
}

// Whether a process is a helper, or one that a helper has started: one of ours with that name.
[[nodiscard]] bool acts_for_it(pid_t process) {
  constexpr std::string_view kName = "Name:\tseccompagent-he";
  constexpr int kGenerations = 2;
  const MemoryUse use;
  for (int generation = 0; generation < kGenerations; ++generation) {
    const auto status = read_file("/proc/" + std::to_string(process) + "/status");
    const auto parent = parent_in(status);
    if (!parent || !status->starts_with(kName)) return false;
    if (*parent == getpid()) return true;
    process = *parent;
  }
  return false;
}

struct Folder {
  std::string path;
  int depth;
};

[[nodiscard]] bool is_gone(std::error_code error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::no_such_device;
}

// A look at a cgroup and all below it, which whoever is in it may change meanwhile.
class Walk {
 public:
  // `wants`: whether the walk goes on after this process. 0: one that we do not see into.
  explicit Walk(std::function<bool(pid_t)> wants) : wants_(std::move(wants)) {}

  // False: it was to end before, or not everything was seen.
  [[nodiscard]] bool sees_all(const std::string& top);
  // Some cgroup went away: its processes may be where others had been looked at before.
  [[nodiscard]] bool was_disturbed() const { return was_disturbed_; }
  // Threads were seen in place of processes.
  [[nodiscard]] bool saw_threads() const { return saw_threads_; }

 private:
  // More of them than containers have: a walk must come to an end.
  static constexpr std::size_t kMaxFolders = 2048;
  static constexpr int kMaxDepth = 32;

  [[nodiscard]] bool sees_processes(const Folder& folder);
  [[nodiscard]] bool note_below(const Folder& folder);

  const std::function<bool(pid_t)> wants_;
  std::vector<Folder> waiting_;
  std::size_t noted_ = 0;
  bool was_disturbed_ = false;
  bool saw_threads_ = false;
};

bool Walk::sees_all(const std::string& top) {
  waiting_.push_back({.path = top, .depth = 0});
  while (!waiting_.empty()) {
    const Folder folder = std::move(waiting_.back());
    waiting_.pop_back();
    if (!sees_processes(folder) || !note_below(folder)) return false;
  }
  return true;
}

bool Walk::sees_processes(const Folder& folder) {
  auto processes = read_file(folder.path + "/cgroup.procs");
  if (!processes && processes.error() == Errno{EOPNOTSUPP}) {
    // threads of version 2 have their processes above, and were seen there
    if (folder.depth > 0) return true;
    processes = read_file(folder.path + "/cgroup.threads");
    saw_threads_ = true;
  }
  if (!processes) {
    was_disturbed_ = true;
    return processes.error() == Errno{ENOENT} || processes.error() == Errno{ENODEV};
  }
  std::string_view rest = *processes;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    constexpr int kDecimal = 10;
    const std::string line(rest.substr(0, end));
    if (!wants_(static_cast<pid_t>(std::strtol(line.c_str(), nullptr, kDecimal)))) return false;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return true;
}

bool Walk::note_below(const Folder& folder) {
  std::error_code error;
  std::filesystem::directory_iterator at(folder.path, error);
  const std::filesystem::directory_iterator end;
  for (; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (!at->is_directory(ignored)) continue;
    if (folder.depth == kMaxDepth || ++noted_ > kMaxFolders) return false;
    waiting_.push_back({.path = at->path().string(), .depth = folder.depth + 1});
  }
  if (is_gone(error)) was_disturbed_ = true;
  return !error || is_gone(error);
}

// A container that goes on making and removing cgroups is to gain nothing by it.
constexpr int kWalks = 3;

// The last look counts.
[[nodiscard]] bool has_others_below(const std::string& top, const Membership& membership) {
  for (int walks = kWalks; walks > 0; --walks) {
    Walk walk([&](pid_t process) {
      return process > 0 && (is_member(process, membership) || acts_for_it(process));
    });
    if (!walk.sees_all(top)) return true;
    if (!walk.was_disturbed()) break;
  }
  return false;
}

}  // namespace

Result<Membership> membership_of(const KnownContainer& container) {
  const auto own = open_of_process(container.first_process, "ns/pid");
  const auto id = own ? id_of(*own) : std::nullopt;
  if (!id) return fail(ESRCH);
  return Membership{.pid_namespace = *id,
                    .shares_ours = id == id_of(open_namespace("self", "pid")),
                    .user = container.user};
}

bool is_member(pid_t process, const Membership& membership) {
  if (!is_below(std::to_string(process), membership.pid_namespace)) return false;
  return membership.user == kRoot || is_process_of(process, membership.user) || has_ended(process);
}

bool is_in(pid_t process, const CgroupPlace& cgroup) {
  const auto text = read_file("/proc/" + std::to_string(process) + "/cgroup");
  if (!text) return false;
  const auto path = cgroup_path(*text, cgroup.hierarchy);
  return path && (*path == cgroup.path || path->starts_with(cgroup.path + "/"));
}

std::optional<std::vector<pid_t>> processes_in(const CgroupPlace& cgroup) {
  for (int walks = kWalks; walks > 0; --walks) {
    std::vector<pid_t> found;
    Walk walk([&](pid_t process) {
      found.push_back(process);
      return process > 0;
    });
    if (!walk.sees_all(cgroup.folder) || walk.saw_threads()) return std::nullopt;
    if (!walk.was_disturbed()) return found;
  }
  return std::nullopt;
}

bool has_one_of(const CgroupPlace& cgroup, std::span<const pid_t> processes) {
  return std::ranges::any_of(processes, [&](pid_t process) { return is_in(process, cgroup); });
}

bool has_others(const CgroupPlace& cgroup, const KnownContainer& container,
                const Membership& membership) {
  if (!membership.shares_ours) return has_others_below(cgroup.folder, membership);
  // a daemon of root may be in the cgroup of a service that a user's container was started in
  if (membership.user != kRoot) return true;
  const auto parent = parent_in(read_of_process(container.first_process, "status"));
  if (!parent || (*parent > 0 && is_in(*parent, cgroup))) return true;
  return has_one_of(cgroup, container.other_firsts);
}

}  // namespace seccompagent
