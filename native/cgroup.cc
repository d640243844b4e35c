// SPDX-License-Identifier: Apache-2.0
#include "cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "cgroup_members.h"
#include "cgroup_places.h"
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

constexpr std::string_view kFreezer = "freezer";

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

// The one of a process in which its container can be frozen. Where version 1 has the freezer,
// runtimes put containers there, and what a process has of version 2 may be anybody's.
[[nodiscard]] Result<CgroupPlace> cgroup_of(const UniqueFd& pidfd) {
  const auto text = read_of_process(pidfd, "cgroup");
  if (!text) return fail(ESRCH);
  const auto own = read_file("/proc/self/cgroup");
  const auto mounts = read_file("/proc/self/mounts");
  if (!own || !mounts) return fail(EOPNOTSUPP);
  const bool is_unified = !cgroup_mount(*mounts, kFreezer) || !cgroup_path(*text, kFreezer);
  const std::string_view hierarchy = is_unified ? kUnified : kFreezer;
  const auto mounted = cgroup_mount(*mounts, hierarchy);
  const auto path = cgroup_path(*text, hierarchy);
  if (!path || !mounted) return fail(EOPNOTSUPP);
  if (is_shared(*path, cgroup_path(*own, hierarchy))) return fail(EPERM);
  return CgroupPlace{.folder = *mounted + *path, .path = *path, .hierarchy = hierarchy};
}

// One that is the container's alone.
[[nodiscard]] Result<CgroupPlace> own_cgroup_of(const UniqueFd& first_process,
                                                std::span<const pid_t> other_firsts) {
  auto cgroup = cgroup_of(first_process);
  if (cgroup && has_others(*cgroup, first_process, other_firsts)) return fail(EPERM);
  return cgroup;
}

[[nodiscard]] Result<void> freeze(const CgroupPlace& cgroup, bool is_frozen) {
  return cgroup.hierarchy == kUnified
             ? write_file(cgroup.folder + "/cgroup.freeze", is_frozen ? "1" : "0")
             : write_file(cgroup.folder + "/freezer.state", is_frozen ? "FROZEN" : "THAWED");
}

void kill_if_in(pid_t pid, const CgroupPlace& cgroup) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  const auto text = read_file("/proc/" + std::to_string(pid) + "/cgroup");
  // it may have ended, and its number be another's
  if (!process.is_open() || !text) return;
  if (cgroup_path(*text, cgroup.hierarchy) == cgroup.path)
    syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
}

// Version 1 has no cgroup.kill, nor has Linux before 5.14. What stands still makes no new processes
// meanwhile.
[[nodiscard]] Result<void> kill_one_by_one(const CgroupPlace& cgroup) {
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

Result<void> freeze_cgroup_of(const UniqueFd& first_process, bool is_frozen,
                              std::span<const pid_t> other_firsts) {
  // whoever was frozen with a container must be able to go on with it
  const auto cgroup =
      is_frozen ? own_cgroup_of(first_process, other_firsts) : cgroup_of(first_process);
  if (!cgroup) return std::unexpected(cgroup.error());
  return freeze(*cgroup, is_frozen);
}

Result<void> kill_all_of(const UniqueFd& first_process, std::span<const pid_t> other_firsts) {
  const auto pid = pid_of(first_process);
  if (pid && *pid == 1) return fail(EPERM);
  const bool is_first = pid && is_first_of_namespace(*pid);
  const auto cgroup =
      is_first ? Result<CgroupPlace>(fail(ESRCH)) : own_cgroup_of(first_process, other_firsts);
  if (syscall(SYS_pidfd_send_signal, first_process.get(), SIGKILL, nullptr, 0) == -1)
    return fail_errno();
  // of a container without a cgroup of its own we know no more
  if (!cgroup) return {};
  if (cgroup->hierarchy == kUnified && write_file(cgroup->folder + "/cgroup.kill", "1")) return {};
  return kill_one_by_one(*cgroup);
}

}  // namespace seccompagent
