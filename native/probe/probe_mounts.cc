// SPDX-License-Identifier: Apache-2.0
#include "probe/probe_mounts.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <expected>
#include <string_view>
#include <utility>

#include "kernel/unique_fd.h"
#include "probe/probe_child.h"

namespace seccompagent {
namespace {

using Configure = ProbeOutcome (*)(int context);

// A mount that is nowhere.
std::expected<UniqueFd, ProbeOutcome> detached(const char* type, Configure configure) {
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC)));
  if (!context.is_open()) return std::unexpected(failed("fsopen", errno));
  if (const ProbeOutcome set = configure(context.get()); !set.works) return std::unexpected(set);
  if (syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == -1)
    return std::unexpected(failed("fsconfig", errno));
  UniqueFd made(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  if (!made.is_open()) return std::unexpected(failed("fsmount", errno));
  return made;
}

ProbeOutcome as_it_is(int /*context*/) { return kWorks; }

ProbeOutcome of_own_processes(int context) {
  const UniqueFd processes(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
  if (!processes.is_open()) return failed("/proc/self/ns/pid", errno);
  if (syscall(SYS_fsconfig, context, FSCONFIG_SET_FD, "pidns", nullptr, processes.get()) == -1)
    return failed("the option pidns of proc", errno);
  return kWorks;
}

// A process in a user namespace of its own, and in what else the flags say.
struct Apart {
  ProbeChild child;
  ProbeOutcome outcome;
};

Apart apart(int flags) {
  auto* error = shared<std::atomic<int>>();
  if (error == nullptr) return {ProbeChild(sleep_for_ever), failed("mmap", errno)};
  error->store(-1);
  ProbeChild child([&] {
    error->store(unshare(CLONE_NEWUSER | flags) == -1 ? errno : 0);
    sleep_for_ever();
  });
  const bool is_told = wait_until(child, [&] { return error->load() >= 0; });
  const int number = is_told ? error->load() : 0;
  const ProbeOutcome outcome =
      is_told && number == 0 ? kWorks : failed("unshare of a user namespace", number);
  return {std::move(child), outcome};
}

UniqueFd open_of(pid_t pid, const char* name, int flags) {
  std::array<char, 64> path = {};
  (void)snprintf(path.data(), path.size(), "/proc/%d/%s", pid, name);
  return UniqueFd(open(path.data(), flags | O_CLOEXEC));
}

ProbeOutcome write_map(pid_t pid, const char* name) {
  constexpr std::string_view kMap = "0 100000 1\n";
  const UniqueFd map = open_of(pid, name, O_WRONLY);
  if (!map.is_open() || write(map.get(), kMap.data(), kMap.size()) == -1)
    return failed("the map of a user namespace", errno);
  return kWorks;
}

}  // namespace

ProbeOutcome resolve_in_root() {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC | O_DIRECTORY;
  how.resolve = RESOLVE_IN_ROOT;
  const UniqueFd opened(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how)));
  return opened.is_open() ? kWorks : failed("openat2", errno);
}

ProbeOutcome new_mounts() {
  if (unshare(CLONE_NEWNS) == -1) return failed("unshare of the mount namespace", errno);
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1)
    return failed("mount of / as private", errno);
  const auto made = detached("tmpfs", as_it_is);
  if (!made) return made.error();
  if (syscall(SYS_move_mount, made->get(), "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) == -1)
    return failed("move_mount", errno);
  return kWorks;
}

ProbeOutcome proc_pidns() {
  const auto made = detached("proc", of_own_processes);
  return made ? kWorks : made.error();
}

ProbeOutcome idmapped_mounts() {
  const Apart other = apart(0);
  if (!other.outcome.works) return other.outcome;
  for (const char* name : {"uid_map", "gid_map"}) {
    if (const ProbeOutcome wrote = write_map(other.child.pid(), name); !wrote.works) return wrote;
  }
  const UniqueFd mapping = open_of(other.child.pid(), "ns/user", O_RDONLY);
  if (!mapping.is_open()) return failed("a user namespace of proc", errno);
  const auto made = detached("tmpfs", as_it_is);
  if (!made) return made.error();
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(mapping.get());
  if (syscall(SYS_mount_setattr, made->get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) ==
      -1)
    return failed("mount_setattr", errno);
  return kWorks;
}

// As helpers do it, for containers with namespaces of their own.
ProbeOutcome enter_namespaces() {
  const Apart other = apart(CLONE_NEWNS | CLONE_NEWNET);
  if (!other.outcome.works) return other.outcome;
  const pid_t pid = other.child.pid();
  // the user namespace last: power over the others is ours, not of whoever is in there
  const std::array<std::pair<const char*, int>, 3> namespaces = {
      {{"ns/net", CLONE_NEWNET}, {"ns/mnt", CLONE_NEWNS}, {"ns/user", CLONE_NEWUSER}}};
  std::array<UniqueFd, namespaces.size()> opened = {};
  for (std::size_t at = 0; at < namespaces.size(); ++at) {
    opened[at] = open_of(pid, namespaces[at].first, O_RDONLY);
    if (!opened[at].is_open()) return failed("a namespace of proc", errno);
  }
  for (std::size_t at = 0; at < namespaces.size(); ++at) {
    if (setns(opened[at].get(), namespaces[at].second) == -1) return failed("setns", errno);
  }
  return kWorks;
}

}  // namespace seccompagent
