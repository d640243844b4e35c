// SPDX-License-Identifier: Apache-2.0
// A process is in one cgroup of version 2, and in one of each hierarchy of version 1.
#include "cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "process_files.h"

namespace seccompagent {
namespace {

template <typename Use>
void for_each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// The field of a line at a place, between blanks.
[[nodiscard]] std::string_view field(std::string_view line, int place) {
  for (; place > 0; --place) line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
  return line.substr(0, line.find(' '));
}

[[nodiscard]] bool has_item(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (list.substr(0, end) == item) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

struct Paths {
  std::optional<std::string> unified;
  std::optional<std::string> freezer;
};

// From /proc/PID/cgroup: HIERARCHY:CONTROLLERS:PATH.
[[nodiscard]] Paths paths_of(std::string_view text) {
  Paths paths;
  for_each_line(text, [&](std::string_view line) {
    const std::size_t first = line.find(':');
    if (first == std::string_view::npos) return;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) return;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (controllers.empty()) paths.unified = path;
    if (has_item(controllers, "freezer")) paths.freezer = path;
  });
  return paths;
}

// Where a hierarchy is mounted, from the lines of /proc/self/mounts.
[[nodiscard]] std::optional<std::string> mount_of(std::string_view mounts, std::string_view type,
                                                  std::string_view option) {
  std::optional<std::string> found;
  for_each_line(mounts, [&](std::string_view line) {
    if (found || field(line, 2) != type) return;
    if (option.empty() || has_item(field(line, 3), option)) found = std::string(field(line, 1));
  });
  return found;
}

[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.is_open()) return fail_errno();
  if (write(file.get(), text.data(), text.size()) == -1) return fail_errno();
  return {};
}

// Whether everybody, or we ourselves, would freeze.
[[nodiscard]] bool is_shared(const std::string& path, const std::optional<std::string>& ours) {
  return path == "/" || (ours && (*ours == path || ours->starts_with(path + "/")));
}

struct Cgroup {
  std::string folder;
  // In its hierarchy.
  std::string path;
  bool is_unified;
};

// The one of a process in which its container can be frozen. Where version 1 has the freezer,
// runtimes put containers there, and what a process has of version 2 may be anybody's.
[[nodiscard]] Result<Cgroup> cgroup_of(const UniqueFd& pidfd) {
  const auto text = read_of_process(pidfd, "cgroup");
  if (!text) return fail(ESRCH);
  const auto own = read_file("/proc/self/cgroup");
  const auto mounts = read_file("/proc/self/mounts");
  if (!own || !mounts) return fail(EOPNOTSUPP);
  const Paths theirs = paths_of(*text);
  const Paths ours = paths_of(*own);
  const auto freezer = mount_of(*mounts, "cgroup", "freezer");
  const bool is_unified = !freezer || !theirs.freezer;
  const auto mounted = is_unified ? mount_of(*mounts, "cgroup2", "") : freezer;
  const auto& path = is_unified ? theirs.unified : theirs.freezer;
  if (!path || !mounted) return fail(EOPNOTSUPP);
  if (is_shared(*path, is_unified ? ours.unified : ours.freezer)) return fail(EPERM);
  return Cgroup{.folder = *mounted + *path, .path = *path, .is_unified = is_unified};
}

[[nodiscard]] Result<void> freeze(const Cgroup& cgroup, bool is_frozen) {
  return cgroup.is_unified
             ? write_file(cgroup.folder + "/cgroup.freeze", is_frozen ? "1" : "0")
             : write_file(cgroup.folder + "/freezer.state", is_frozen ? "FROZEN" : "THAWED");
}

void kill_if_in(pid_t pid, const Cgroup& cgroup) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  const auto text = read_file("/proc/" + std::to_string(pid) + "/cgroup");
  // it may have ended, and its number be another's
  if (!process.is_open() || !text) return;
  const Paths paths = paths_of(*text);
  if ((cgroup.is_unified ? paths.unified : paths.freezer) == cgroup.path)
    syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
}

// Version 1 has no cgroup.kill, nor has Linux before 5.14. What stands still makes no new processes
// meanwhile.
[[nodiscard]] Result<void> kill_one_by_one(const Cgroup& cgroup) {
  constexpr int kRounds = 3;
  for (int rounds = kRounds; rounds > 0; --rounds) {
    if (const auto frozen = freeze(cgroup, true); !frozen) return frozen;
    const auto processes = read_file(cgroup.folder + "/cgroup.procs");
    if (processes) {
      for_each_line(*processes, [&](std::string_view line) {
        const auto pid = static_cast<pid_t>(std::strtol(std::string(line).c_str(), nullptr, 10));
        if (pid > 0) kill_if_in(pid, cgroup);
      });
    }
    const auto thawed = freeze(cgroup, false);
    if (!processes || !thawed || processes->empty()) return thawed;
  }
  return {};
}

// Whether all of its pid namespace ends with it.
[[nodiscard]] bool is_first_of_namespace(pid_t pid) {
  const auto status = read_file("/proc/" + std::to_string(pid) + "/status");
  constexpr std::string_view kName = "\nNSpid:";
  const std::size_t at = status ? status->find(kName) : std::string::npos;
  if (at == std::string::npos) return false;
  const std::string_view line = std::string_view(*status).substr(at + kName.size());
  const std::string_view numbers = line.substr(0, line.find('\n'));
  return numbers.substr(numbers.find_last_of('\t') + 1) == "1";
}

}  // namespace

Result<void> freeze_cgroup_of(const UniqueFd& pidfd, bool is_frozen) {
  const auto cgroup = cgroup_of(pidfd);
  if (!cgroup) return std::unexpected(cgroup.error());
  return freeze(*cgroup, is_frozen);
}

Result<void> kill_all_of(const UniqueFd& pidfd) {
  const auto pid = pid_of(pidfd);
  const bool is_first = pid && is_first_of_namespace(*pid);
  const auto cgroup = is_first ? Result<Cgroup>(fail(ESRCH)) : cgroup_of(pidfd);
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) == -1) return fail_errno();
  // of a container without a cgroup of its own we know no more
  if (!cgroup) return {};
  if (cgroup->is_unified && write_file(cgroup->folder + "/cgroup.kill", "1")) return {};
  return kill_one_by_one(*cgroup);
}

}  // namespace seccompagent
