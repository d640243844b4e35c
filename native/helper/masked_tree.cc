// SPDX-License-Identifier: Apache-2.0
#include "helper/masked_tree.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string_view>
#include <vector>

#include "helper/detached_mount.h"
#include "helper/mountinfo.h"
#include "helper/own_child.h"
#include "helper/own_mounts.h"
#include "kernel/counted_apart.h"

namespace seccompagent {
namespace {

// The namespaces of a mount's options. Linux 6.18 takes the pid namespace as one of them; before,
// only a process inside it could make its proc.
[[nodiscard]] bool set_pid_namespace(const MountJob& job, const UniqueFd& context) {
  return job.place.may_use_pidns && syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_FD, "pidns",
                                            nullptr, job.place.pid_namespace) == 0;
}

[[nodiscard]] bool attach(MountJob& job, const UniqueFd& mount) {
  return mount.is_open() && !broke(job.outcome, "move_mount", move_to_path(mount, kWorkPlace));
}

// A mount namespace with nothing but a read-only directory: nobody could put anything into it.
[[nodiscard]] bool make_empty_mounts(MountJob& job) {
  if (job.empty_mounts->is_open()) return true;
  const auto ended = run_in_child(job.inner_stack_top, CLONE_FILES, getpid(), [&] {
    const auto root = make_directory_mask();
    const auto left = root ? pivot_to(*root) : fail(root.error().number);
    if (!left)
      job.outcome = our_failure("an empty mount namespace", left.error());
    else
      *job.empty_mounts = open_own_mount_namespace(job.own_proc);
  });
  if (!ended) job.outcome = our_failure("child in an empty mount namespace", ended.error());
  if (job.has_ended()) return false;
  return !broke(job.outcome, "open of the empty mount namespace", job.empty_mounts->get());
}

[[nodiscard]] bool attach_proc_from_inside(MountJob& job) {
  if (!make_empty_mounts(job)) return false;
  const auto ended = run_in_child(job.inner_stack_top, 0, getpid(), [&] {
    const auto context =
        job.proc_opener->open_inside(job.place.pid_namespace, job.empty_mounts->get());
    if (context)
      (void)attach(job, make_detached(job.outcome, *context, job.mount));
    else
      job.outcome = our_failure("fsopen in the pid namespace", context.error());
  });
  if (!ended) job.outcome = our_failure("child that makes a proc", ended.error());
  return !job.has_ended();
}

[[nodiscard]] bool attach_proc(MountJob& job) {
  if (job.place.pid_namespace < 0) return attach(job, make_detached(job.outcome, job.mount));
  UniqueFd context = open_context(job.outcome, job.mount);
  if (!context.is_open()) return false;
  if (set_pid_namespace(job, context))
    return attach(job, make_detached(job.outcome, context, job.mount));
  context.reset();
  return attach_proc_from_inside(job);
}

[[nodiscard]] bool attach_sysfs(MountJob& job) {
  return enter(job.outcome, job.place.net_namespace, CLONE_NEWNET) &&
         attach(job, make_detached(job.outcome, job.mount));
}

constexpr std::string_view kSubset = "subset";

// A proc that shows processes only could be made to show all again, and then there have to be
// masks. The kernel asks for masks only, too, when somebody mounts a whole proc beside it. So it
// shows all at first.
[[nodiscard]] std::vector<MountOption> take_subset(MountJob& job) {
  std::vector<MountOption> taken;
  if (!is_proc(job.mount)) return taken;
  std::erase_if(job.mount.options, [&taken](const MountOption& option) {
    if (option.key != kSubset) return false;
    taken.push_back(option);
    return true;
  });
  return taken;
}

[[nodiscard]] bool reconfigure(MountJob& job, const UniqueFd& mount,
                               const std::vector<MountOption>& options) {
  if (options.empty()) return true;
  const UniqueFd context(
      static_cast<int>(syscall(SYS_fspick, mount.get(), "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH)));
  if (broke(job.outcome, "fspick", context.get())) return false;
  for (const MountOption& option : options) {
    if (!configure(job.outcome, context, option)) return false;
  }
  return !refused(job.outcome, syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_RECONFIGURE,
                                       nullptr, nullptr, 0));
}

[[nodiscard]] bool mount_with_masks(MountJob& job) {
  const std::vector<MountOption> later = take_subset(job);
  if (!(is_proc(job.mount) ? attach_proc(job) : attach_sysfs(job))) return false;
  const UniqueFd mount(open(kWorkPlace, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (broke(job.outcome, "open of the mount", mount.get())) return false;
  const auto put = put_masks(mount.get(), job.masks, kMaskSources);
  if (!put) job.outcome = our_failure("masks", put.error());
  return put.has_value() && reconfigure(job, mount, later);
}

// A copy of a mount namespace for another user namespace holds all mounts together: whoever has all
// power in that one can neither take off a mask nor make it writable, see mount_namespaces(7).
[[nodiscard]] bool lock_masks(MountJob& job, UniqueFd& left_behind) {
  if (!job.owner.is_open()) return true;
  left_behind = open_own_mount_namespace(job.own_proc);
  const pid_t parent = getppid();
  if (!enter(job.outcome, job.owner.get(), CLONE_NEWUSER)) return false;
  rearm(parent);
  return !broke(job.outcome, "unshare", unshare(CLONE_NEWNS));
}

}  // namespace

bool has_foreign_processes(MountJob& job, ino_t own_user_namespace) {
  if (!is_proc(job.mount) || job.place.pid_namespace < 0) return false;
  const UniqueFd owner(ioctl(job.place.pid_namespace, NS_GET_USERNS));
  if (broke(job.outcome, "owner of the pid namespace", owner.get())) return true;
  const auto id = id_of(owner.get());
  if (!id) job.outcome = our_failure("fstat of the pid namespace's owner", id.error());
  return !id || *id != own_user_namespace;
}

void build_tree(MountJob& job, UniqueFd& tree_namespace, UniqueFd& left_behind) {
  const auto make = [&] {
    const CountedApart apart;
    return !broke(job.outcome, "unshare", unshare(CLONE_NEWNS)) && mount_with_masks(job);
  };
  if (!make() || !lock_masks(job, left_behind)) return;
  tree_namespace = open_own_mount_namespace(job.own_proc);
  (void)broke(job.outcome, "open of the mount namespace", tree_namespace.get());
}

bool narrow(MountJob& job, const Cover& cover) {
  if (cover.is_read_only) job.mount.attributes |= MOUNT_ATTR_RDONLY;
  if (is_proc(job.mount)) {
    narrow_proc_options(job.mount.options, cover);
    job.masks = masks_of_new_proc(cover);
    // nobody knows what had to be hidden once it shows more than processes
    if (job.has_foreign_processes && shows_processes_only(cover)) job.outcome.answer = EPERM;
    return !job.has_ended();
  }
  job.masks = cover.masks;
  // of sysfs, there is no part to show
  if (!cover.is_whole) job.outcome.answer = EPERM;
  return cover.is_whole;
}

bool narrow_to_own(MountJob& job, Cover& cover) {
  Result<std::string> text;
  const auto ended = run_in_child(job.inner_stack_top, CLONE_FILES, getpid(), [&] {
    // of all of the namespace, whatever root the caller has
    if (!enter(job.outcome, job.mount_namespace(), CLONE_NEWNS)) return;
    const UniqueFd mountinfo(openat(job.own_proc, "self/mountinfo", O_RDONLY | O_CLOEXEC));
    text = mountinfo.is_open() ? read_mountinfo(mountinfo) : fail_errno();
  });
  if (job.has_ended()) return false;
  const auto own = !ended ? fail(ended.error().number)
                   : text ? cover_in_all(*text, job.mount.type)
                          : fail(text.error().number);
  if (!own) {
    job.outcome = our_failure("look at what the caller does not see", own.error());
  } else if (!own->is_whole) {
    // the kernel gives it none either
    job.outcome.answer = EPERM;
  } else {
    cover = stricter(cover, *own);
  }
  return !job.has_ended();
}

std::optional<Cover> cover_of(const NewMount& mount, const Masks& masks) {
  if (is_proc(mount)) return masks.proc;
  return mount.type == "sysfs" ? std::optional(masks.sysfs) : std::nullopt;
}

}  // namespace seccompagent
