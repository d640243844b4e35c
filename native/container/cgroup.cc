// SPDX-License-Identifier: Apache-2.0
#include "container/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "caller/first_process.h"
#include "container/cgroup_members.h"
#include "container/own_cgroup_mounts.h"
#include "kernel/process_files.h"
#include "process/as_user.h"
#include "process/cgroup_places.h"

namespace seccompagent {
namespace {

constexpr uid_t kRoot = 0;
constexpr std::string_view kFreezer = "freezer";

// A container's user may write to cgroups that were delegated to this user, see cgroups(7), and to
// no others, whoever's processes are in them. EPERM also: it is none of these.
[[nodiscard]] Result<void> write_file(uid_t user, const std::string& path, std::string_view text) {
  return as_user(user, [&]() -> Result<void> {
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.is_open()) return fail(errno == EACCES ? EPERM : errno);
    if (write(file.get(), text.data(), text.size()) == -1) return fail_errno();
    return {};
  });
}

// EPERM: it has become somebody else's than the user's, such as by a set-user-ID program.
[[nodiscard]] Result<void> send_kill(uid_t user, const UniqueFd& process) {
  return as_user(user, [&]() -> Result<void> {
    if (syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) == -1)
      return fail_errno();
    return {};
  });
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
  const auto mounts = own_cgroup_mounts();
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
[[nodiscard]] Result<CgroupPlace> own_cgroup_of(const KnownContainer& container) {
  auto cgroup = cgroup_of(container.first_process);
  if (!cgroup) return cgroup;
  const auto membership = membership_of(container);
  if (!membership) return std::unexpected(membership.error());
  if (has_others(*cgroup, container, *membership)) return fail(EPERM);
  return cgroup;
}

[[nodiscard]] Result<void> freeze(uid_t user, const CgroupPlace& cgroup, bool is_frozen) {
  return cgroup.hierarchy == kUnified
             ? write_file(user, cgroup.folder + "/cgroup.freeze", is_frozen ? "1" : "0")
             : write_file(user, cgroup.folder + "/freezer.state", is_frozen ? "FROZEN" : "THAWED");
}

// Place of a container's processes.
struct Members {
  CgroupPlace cgroup;
  Membership membership;
  // Nobody else's are there.
  bool are_alone;
};

[[nodiscard]] Result<Members> members_of(const KnownContainer& container) {
  auto cgroup = cgroup_of(container.first_process);
  const auto membership = membership_of(container);
  if (!cgroup || !membership) return fail(EPERM);
  const bool are_alone = !has_others(*cgroup, container, *membership);
  const bool can_tell = !membership->shares_ours && !has_one_of(*cgroup, container.other_firsts);
  if (!are_alone && !can_tell) return fail(EPERM);
  return Members{.cgroup = std::move(*cgroup), .membership = *membership, .are_alone = are_alone};
}

struct Killed {
  std::set<pid_t> processes = {};
  // Some of these were not, in the last round.
  bool has_survivors = false;
};

void kill_if_member(pid_t pid, const Members& members, Killed& killed) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  // what is seen after it was opened is of this process, or it has ended
  if (!process.is_open() || !is_in(pid, members.cgroup)) return;
  if (!is_member(pid, members.membership)) return;
  const auto sent = send_kill(members.membership.user, process);
  if (!sent && sent.error() != Errno{ESRCH}) killed.has_survivors = true;
  killed.processes.insert(pid);
}

// Looks among all processes. False: not everybody could be looked at.
[[nodiscard]] bool kill_in_machine(const Members& members, Killed& killed) {
  return each_process([&](pid_t pid) {
    if (is_in(pid, members.cgroup)) kill_if_member(pid, members, killed);
    return true;
  });
}

// Adds those that are there to `killed`. What stands still is where it is listed: the machine may
// have many more processes. False: not everybody could be looked at.
[[nodiscard]] bool kill_seen(const Members& members, Killed& killed) {
  const auto listed = members.are_alone ? processes_in(members.cgroup) : std::nullopt;
  if (!listed) return kill_in_machine(members, killed);
  for (const pid_t pid : *listed) kill_if_member(pid, members, killed);
  return true;
}

// Version 1 has no cgroup.kill, nor has Linux before 5.14. What stands still makes no new processes
// meanwhile. EPERM: again and again there are new ones, or some may not be killed.
[[nodiscard]] Result<void> kill_one_by_one(const Members& members) {
  constexpr int kRounds = 8;
  const uid_t user = members.membership.user;
  Killed killed;
  bool is_over = false;
  for (int rounds = kRounds; rounds > 0 && !is_over; --rounds) {
    const std::size_t before = killed.processes.size();
    killed.has_survivors = false;
    // its last process may have ended, and the cgroup be gone
    if (members.are_alone) (void)freeze(user, members.cgroup, true);
    is_over = kill_seen(members, killed) && killed.processes.size() == before;
    if (members.are_alone) (void)freeze(user, members.cgroup, false);
  }
  if (!is_over || killed.has_survivors) return fail(EPERM);
  return {};
}

}  // namespace

Result<void> freeze_cgroup_of(const KnownContainer& container, bool is_frozen) {
  // whoever was frozen with a container must be able to go on with it; a user may have put a
  // container where others are that root has frozen
  const auto cgroup = is_frozen || container.user != kRoot ? own_cgroup_of(container)
                                                           : cgroup_of(container.first_process);
  if (!cgroup) return std::unexpected(cgroup.error());
  return freeze(container.user, *cgroup, is_frozen);
}

Result<void> kill_first_of(const KnownContainer& container) {
  const auto pid = pid_of(container.first_process);
  if (!pid || *pid == 1) return fail(ESRCH);
  return send_kill(container.user, container.first_process);
}

Result<void> kill_all_of(const KnownContainer& container) {
  const UniqueFd& first = container.first_process;
  const auto pid = pid_of(first);
  if (!pid || *pid == 1) return fail(ESRCH);
  const bool is_first = is_first_of_namespace(first);
  const auto members = is_first ? Result<Members>(fail(ESRCH)) : members_of(container);
  const auto sent = send_kill(container.user, first);
  // the others may be found by what it was
  const bool has_ended = !sent && sent.error() == Errno{ESRCH} && members;
  if (!sent && !has_ended) return sent;
  if (is_first) return {};
  if (!members) return std::unexpected(members.error());
  const CgroupPlace& cgroup = members->cgroup;
  const bool has_kill = members->are_alone && cgroup.hierarchy == kUnified;
  if (has_kill && write_file(container.user, cgroup.folder + "/cgroup.kill", "1")) return {};
  return kill_one_by_one(*members);
}

}  // namespace seccompagent
