// SPDX-License-Identifier: Apache-2.0
#include "helper/lent_mount.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "helper/detached_mount.h"
#include "helper/lent_options.h"
#include "helper/mount_ids.h"
#include "helper/mount_point.h"
#include "helper/own_child.h"
#include "helper/own_mounts.h"

namespace seccompagent {
namespace {

// Some file systems show the network, queues or cgroups of their maker.
[[nodiscard]] bool enter_shown_namespaces(MountJob& job) {
  return enter(job.outcome, job.place.net_namespace, CLONE_NEWNET) &&
         enter(job.outcome, job.place.ipc_namespace, CLONE_NEWIPC) &&
         enter(job.outcome, job.place.cgroup_namespace, CLONE_NEWCGROUP);
}

// Leaves open only what is still needed and what the caller has anyway.
[[nodiscard]] bool close_others(MountJob& job, const UniqueFd& mount_point) {
  std::array kept = {job.place.base, job.place.user_namespace, job.place.listener, job.lifeline,
                     mount_point.get(), job.source.get(),
                     // to lock what is made, and come back
                     job.own_mounts.get(), job.owner.get(),
                     job.owner.is_open() ? job.mount_namespace() : -1};
  std::ranges::sort(kept);
  unsigned from = 0;
  for (const int fd : kept) {
    if (fd < 0) continue;
    const auto until = static_cast<unsigned>(fd);
    if (until > from && broke(job.outcome, "close_range", close_range(from, until - 1, 0)))
      return false;
    from = until + 1;
  }
  return !broke(job.outcome, "close_range", close_range(from, ~0U, 0));
}

// Whether all that there is in a new one comes from the kernel.
[[nodiscard]] bool has_own_contents(const NewMount& mount) {
  constexpr auto kTypes =
      std::to_array<std::string_view>({"tmpfs", "ramfs", "mqueue", "devpts", "cgroup", "cgroup2"});
  return std::ranges::find(kTypes, mount.type) != kTypes.end();
}

// Devices are for whom the caller's cgroup lets them, and the kernel would ask ours.
[[nodiscard]] bool is_of_device(const NewMount& mount) {
  return std::ranges::any_of(mount.options, [](const MountOption& option) {
    struct stat found = {};
    return option.key == "source" && option.value && stat(option.value->c_str(), &found) == 0 &&
           S_ISBLK(found.st_mode);
  });
}

// Files of a file system besides its source are opened by the kernel, with the permission of our
// own cgroup; and these have all of their devices so, and no number that says it.
[[nodiscard]] bool opens_devices(const NewMount& mount) {
  constexpr auto kTypes = std::to_array<std::string_view>({"bcachefs", "btrfs"});
  constexpr auto kKeys =
      std::to_array<std::string_view>({"device", "journal_dev", "journal_path", "logdev", "rtdev"});
  return std::ranges::find(kTypes, mount.type) != kTypes.end() ||
         std::ranges::any_of(mount.options, [&](const MountOption& option) {
           return std::ranges::find(kKeys, option.key) != kKeys.end();
         });
}

// The same of what was made, whatever has the name of its source by now.
[[nodiscard]] bool is_of_device(const UniqueFd& mount) {
  const auto found = look_at(mount.get());
  return !found || found->stx_dev_major != 0;
}

[[nodiscard]] bool is_of_nfs(const NewMount& mount) {
  return mount.type == "nfs" || mount.type == "nfs4";
}

// Without a word it would try the keys by itself.
void choose_security(NewMount& mount) {
  const bool has_chosen = std::ranges::any_of(
      mount.options, [](const MountOption& option) { return option.key == "sec"; });
  if (is_of_nfs(mount) && !has_chosen) mount.options.push_back({"sec", "sys"});
}

// With power over the whole machine.
[[nodiscard]] bool needs_nobody(const MountJob& job) {
  return job.has_own_power() && job.user_namespace_id == 0;
}

// Whether the caller may have such a mount, by its own power or by ours.
[[nodiscard]] bool may_have(const MountJob& job) {
  if (needs_nobody(job)) return true;
  // a union shows what lies under the masks of its layers
  return is_overlay(job.mount) ? job.has_own_power() : is_lent(job.mount);
}

// Of what may_have allows, whether the power for it is lent.
[[nodiscard]] bool is_lendable(const MountJob& job) {
  return needs_nobody(job) || is_overlay(job.mount) || has_lent_options(job.mount);
}

// Attributes that the mount keeps, see kept_attributes. Where the kernel makes the contents, nobody
// has written them, but devices can be made there: none that opens, in another user namespace than
// ours, if it is no file system of devices itself.
[[nodiscard]] std::uint64_t attributes_kept(const MountJob& job) {
  if (!has_own_contents(job.mount)) return job.kept_attributes();
  return job.owner.is_open() && job.mount.type != "devpts" ? MOUNT_ATTR_NODEV : 0;
}

// As with masks: of a copy that belongs to the user namespace of the caller's mounts, nobody who
// has all power in there can take off what the mount has to keep. We are in there afterwards.
[[nodiscard]] UniqueFd lock_attributes(MountJob& job, const UniqueFd& mount) {
  constexpr std::uint64_t kPower = kSysAdmin | 1ULL << CAP_SYS_CHROOT;
  const pid_t parent = getppid();
  if (!set_effective(job, kPower) || !enter(job.outcome, job.own_mounts.get(), CLONE_NEWNS) ||
      broke(job.outcome, "unshare", unshare(CLONE_NEWNS)) ||
      broke(job.outcome, "move_mount", move_to_path(mount, kWorkPlace)) ||
      !enter(job.outcome, job.owner.get(), CLONE_NEWUSER)) {
    return {};
  }
  rearm(parent);
  if (broke(job.outcome, "unshare", unshare(CLONE_NEWNS))) return {};
  UniqueFd locked = open_tree_at(kWorkPlace);
  if (broke(job.outcome, "open_tree", locked.get()) ||
      !enter(job.outcome, job.mount_namespace(), CLONE_NEWNS)) {
    return {};
  }
  return locked;
}

constexpr std::uint32_t kTimes = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

// Attributes that the caller asked for, and may take off again.
[[nodiscard]] bool set_attributes(MountJob& job, const UniqueFd& mount, std::uint32_t attributes) {
  mount_attr change = {};
  change.attr_set = attributes;
  return attributes == 0 || !refused(job.outcome, syscall(SYS_mount_setattr, mount.get(), "",
                                                          AT_EMPTY_PATH, &change, sizeof change));
}

// Of these the kernel opens the source itself, whatever it is: a device with the permission of our
// own cgroup, and a FIFO until somebody opens its other end.
[[nodiscard]] MountOption* source_file_of(NewMount& mount) {
  if (mount.type != "erofs") return nullptr;
  const auto found = std::ranges::find(mount.options, "source", &MountOption::key);
  return found == mount.options.end() || !found->value ? nullptr : &*found;
}

// As the caller, who we are then. It is opened for nothing first, so that nothing but a regular
// file is ever opened.
[[nodiscard]] UniqueFd open_source(MountJob& job, const std::string& path) {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  // such links lead to what we have, and not to what the caller has
  how.resolve = RESOLVE_NO_MAGICLINKS;
  const UniqueFd found(
      static_cast<int>(syscall(SYS_openat2, job.place.base, path.c_str(), &how, sizeof how)));
  struct stat seen = {};
  if (refused(job.outcome, found.get()) || refused(job.outcome, fstat(found.get(), &seen)))
    return {};
  if (!S_ISREG(seen.st_mode)) {
    job.outcome.answer = S_ISBLK(seen.st_mode) ? EPERM : ENOTBLK;
    return {};
  }
  const std::string link = "self/fd/" + std::to_string(found.get());
  UniqueFd file(openat(job.own_proc, link.c_str(), O_RDONLY | O_CLOEXEC));
  return refused(job.outcome, file.get()) ? UniqueFd() : std::move(file);
}

// Enters the folder from which the kernel looks for sources: an open file's is a name in our own
// procfs.
[[nodiscard]] bool go_to_source(MountJob& job) {
  MountOption* const file = source_file_of(job.mount);
  if (file == nullptr) return !broke(job.outcome, "fchdir to the base", fchdir(job.place.base));
  file->value = "self/fd/" + std::to_string(job.source.get());
  return !broke(job.outcome, "fchdir to our procfs", fchdir(job.own_proc));
}

// In the caller's user namespace, where ids are its own: the kernel lets whoever has the power in
// there make some types, which keep devices and foreign ids out by themselves. Closed, and the job
// goes on: not this one.
[[nodiscard]] UniqueFd make_by_own_power(MountJob& job) {
  UniqueFd made;
  const auto ended = run_in_child(job.inner_stack_top, CLONE_FILES, getpid(), [&] {
    if (become_caller(job)) made = make_detached(job.outcome, job.mount);
  });
  if (!ended) job.outcome = our_failure("child that makes the mount", ended.error());
  if (job.outcome.answer == EPERM) job.outcome.answer = 0;
  return made;
}

// In our user namespace, as somebody with the caller's ids and CAP_SYS_ADMIN, who we are then.
[[nodiscard]] UniqueFd make_lent(MountJob& job) {
  // to the others it is a name, which nobody looks for
  if (!is_lent(job.mount) && is_of_device(job.mount)) {
    job.outcome.answer = EPERM;
    return {};
  }
  if (!needs_nobody(job)) choose_security(job.mount);
  const auto kept = static_cast<std::uint32_t>(attributes_kept(job));
  const std::uint32_t wanted = job.mount.attributes;
  // those of its times can't be set one by one
  job.mount.attributes = job.owner.is_open() ? kept | (wanted & kTimes) : kept | wanted;
  UniqueFd mount = make_detached(job.outcome, job.mount);
  if (!mount.is_open()) return {};
  if (is_of_device(mount)) {
    job.outcome.answer = EPERM;
    return {};
  }
  if (!job.owner.is_open()) return mount;
  UniqueFd locked = lock_attributes(job, mount);
  if (!locked.is_open() || !set_attributes(job, locked, wanted & ~kTimes)) return {};
  return locked;
}

}  // namespace

void put_other(MountJob& job, const IsGone& is_gone) {
  if (job.owner.is_open()) {
    job.own_mounts = open_own_mount_namespace(job.own_proc);
    if (broke(job.outcome, "open of our mount namespace", job.own_mounts.get())) return;
  }
  if (!enter_shown_namespaces(job) || !enter_place(job)) return;
  UniqueFd mount_point;
  const MountOption* const file = source_file_of(job.mount);
  run_as_caller(job, [&] {
    mount_point = find_mount_point(job);
    if (!job.has_ended() && file != nullptr) job.source = open_source(job, *file->value);
  });
  if (!may_use_place(job, mount_point) || !go_to_source(job) || !close_others(job, mount_point))
    return;
  if (opens_devices(job.mount) || !may_have(job)) {
    job.outcome.answer = EPERM;
    return;
  }
  UniqueFd mount;
  if (job.has_own_power() && !needs_nobody(job)) mount = make_by_own_power(job);
  if (!job.has_ended() && !mount.is_open() && !is_lendable(job)) job.outcome.answer = EPERM;
  if (job.has_ended() || (!mount.is_open() && !translate_ids(job)) || !lend_sys_admin(job)) return;
  if (!mount.is_open()) mount = make_lent(job);
  if (mount.is_open()) (void)move_to(job, mount, mount_point, is_gone);
}

}  // namespace seccompagent
