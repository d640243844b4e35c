// SPDX-License-Identifier: Apache-2.0
// New mounts, see fsopen(2), fsmount(2), open_tree(2), move_mount(2) and mount_namespaces(7).
#include "helper/new_mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "helper/detached_mount.h"
#include "helper/lent_mount.h"
#include "helper/masked_tree.h"
#include "helper/mount_child.h"
#include "helper/mount_ids.h"
#include "helper/mount_job.h"
#include "helper/mount_point.h"
#include "helper/own_mounts.h"
#include "kernel/counted_apart.h"

namespace seccompagent {
namespace {

constexpr std::size_t kMaxKept = 8;

// Puts a copy of a tree with masks into the container.
void put_tree(MountJob& job, int tree_namespace, const IsGone& is_gone) {
  if (!enter(job.outcome, tree_namespace, CLONE_NEWNS)) return;
  const UniqueFd tree = [] {
    const CountedApart apart;
    return open_tree_at(kWorkPlace);
  }();
  if (broke(job.outcome, "open_tree", tree.get()) || !enter_place(job)) return;
  UniqueFd mount_point;
  const auto find = [&] { mount_point = find_mount_point(job); };
  const bool is_labelled = job.place.label.is_foreign();
  if (!job.is_of_owner() || is_labelled) run_as_caller(job, find);
  // with power in the caller's user namespace we have it where the mount goes, or we have not
  if (job.is_of_owner() && !job.has_ended() && become_caller(job) && !is_labelled) find();
  if (!may_use_place(job, mount_point) || !set_effective(job, kSysAdmin)) return;
  (void)move_to(job, tree, mount_point, is_gone);
}

// Before Linux 6.15 only what is attached somewhere can be taken from a mount, so the file system
// gets a place in a mount namespace that nobody else is in.
[[nodiscard]] UniqueFd take_node(MountJob& job, int file_system) {
  const CountedApart apart;
  if (broke(job.outcome, "unshare", unshare(CLONE_NEWNS)) ||
      broke(job.outcome, "attaching a file system",
            syscall(SYS_move_mount, file_system, "", AT_FDCWD, kWorkPlace,
                    MOVE_MOUNT_F_EMPTY_PATH))) {
    return {};
  }
  UniqueFd node(static_cast<int>(
      syscall(SYS_open_tree, file_system, kNodeName, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  return broke(job.outcome, "taking a node", node.get()) ? UniqueFd() : std::move(node);
}

// Covers the caller's new file, whatever has its name by now.
void put_cover(MountJob& job, int file_system) {
  const UniqueFd node = take_node(job, file_system);
  if (!node.is_open() || !enter_place(job)) return;
  const UniqueFd mount_point(fcntl(job.place.base, F_DUPFD_CLOEXEC, 0));
  if (broke(job.outcome, "dup of the base", mount_point.get()) ||
      !may_use_place(job, mount_point)) {
    return;
  }
  const long moved = syscall(SYS_move_mount, node.get(), "", mount_point.get(), "",
                             MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  // the container has as many mounts as it may
  if (moved == -1 && errno == ENOSPC)
    job.outcome.answer = ENOSPC;
  else
    (void)broke(job.outcome, "mounting a node", moved);
}

// Whether callers may share one. Two mounts of one proc have their options in common, and whoever
// has power in its pid namespace may change these.
[[nodiscard]] bool can_be_kept(const NewMount& mount) {
  // sysfs would keep a network alive, and its devices with it
  return is_proc(mount) && std::ranges::none_of(mount.options, [](const MountOption& option) {
           return option.key == "hidepid" || option.key == "gid";
         });
}

}  // namespace

Result<MountMaker> MountMaker::start(int lifeline, int locks) {
  const CountedApart apart;
  auto stack = ChildStack::make();
  if (!stack) return std::unexpected(stack.error());
  auto inner_stack = ChildStack::make();
  if (!inner_stack) return std::unexpected(inner_stack.error());
  auto proc_opener = ProcOpener::make();
  if (!proc_opener) return std::unexpected(proc_opener.error());
  MountMaker maker(std::move(*stack), std::move(*inner_stack), std::move(*proc_opener));
  maker.lifeline_ = lifeline;
  maker.locks_ = locks;
  if (locks < 0) {
    maker.own_locks_.reset(memfd_create("seccompagent-locks", MFD_CLOEXEC));
    if (!maker.own_locks_.is_open()) return fail_errno();
    maker.locks_ = maker.own_locks_.get();
  }
  auto own_proc = make_own({.type = "proc", .options = {{"subset", "pid"}}, .attributes = 0});
  if (!own_proc) return std::unexpected(own_proc.error());
  maker.own_proc_ = std::move(*own_proc);
  maker.first_mount_namespace_ = open_own_mount_namespace(maker.own_proc_.get());
  const UniqueFd own(openat(maker.own_proc_.get(), "self/ns/user", O_RDONLY | O_CLOEXEC));
  if (!maker.first_mount_namespace_.is_open() || !own.is_open()) return fail_errno();
  const auto own_id = id_of(own.get());
  if (!own_id) return std::unexpected(own_id.error());
  maker.own_user_namespace_ = *own_id;
  if (const auto left = leave_mount_namespace(); !left) return std::unexpected(left.error());
  return maker;
}

int MountMaker::tree_for(MountJob& job) {
  const bool is_kept = can_be_kept(job.mount);
  const auto pid_namespace =
      job.place.pid_namespace < 0 ? Result<ino_t>(0) : id_of(job.place.pid_namespace);
  if (!pid_namespace) {
    job.outcome = our_failure("fstat of the pid namespace", pid_namespace.error());
    return -1;
  }
  Key key = {job.mount.options, job.mount.attributes, job.masks, *pid_namespace, job.owner_id};
  if (is_kept) {
    const auto found = std::ranges::find(kept_, key, &Kept::key);
    if (found != kept_.end()) {
      std::ranges::rotate(found, found + 1, kept_.end());
      return kept_.back().tree_namespace.get();
    }
  }
  UniqueFd made;
  UniqueFd left_behind;
  const auto ended = run_in_child(stack_.top(), CLONE_FILES, getpid(),
                                  [&] { build_tree(job, made, left_behind); });
  if (left_behind.is_open()) left_behind_.push_back(std::move(left_behind));
  if (!ended) job.outcome = our_failure("child that makes the mount", ended.error());
  if (job.has_ended()) return -1;
  const int tree_namespace = made.get();
  if (!is_kept) {
    left_behind_.push_back(std::move(made));
    return tree_namespace;
  }
  if (kept_.size() == kMaxKept) {
    left_behind_.push_back(std::move(kept_.front().tree_namespace));
    kept_.erase(kept_.begin());
  }
  kept_.push_back({std::move(key), std::move(made)});
  return tree_namespace;
}

CallerJob MountMaker::job_for(const MountPlace& place) const {
  CallerJob job = {.place = place,
                   .inner_stack_top = inner_stack_.top(),
                   .lifeline = lifeline_,
                   .own_proc = own_proc_.get(),
                   .first_mount_namespace = first_mount_namespace_.get(),
                   .locks = locks_};
  find_owner(job, own_user_namespace_);
  return job;
}

Outcome MountMaker::make_mount(const NewMount& mount, const MountPlace& place, const Masks& masks,
                               const IsGone& is_gone) {
  MountJob job = {job_for(place), mount, cover_of(mount, masks).has_value()};
  job.proc_opener = &proc_opener_;
  job.empty_mounts = &empty_mounts_;
  // whoever never has time for it pays here
  if (left_behind_.size() >= kMaxKept) clean_up();
  if (job.has_ended()) return job.outcome;
  job.has_foreign_processes = has_foreign_processes(job, own_user_namespace_);
  if (job.has_ended()) return job.outcome;
  if (auto cover = cover_of(mount, masks)) {
    if (!translate_ids(job) || (place.has_own_mounts && !narrow_to_own(job, *cover)) ||
        !narrow(job, *cover)) {
      return job.outcome;
    }
  }
  const int tree_namespace = !job.has_cover ? -1 : tree_for(job);
  if (job.has_ended()) return job.outcome;
  std::optional<MountLock> lock;
  if (job.has_cover) {
    lock.emplace(job.locks, job.mount_namespace_id, MountLock::Kind::shared);
    if (!lock->is_held()) return {.answer = EBUSY};
  }
  const auto ended = run_in_child(stack_.top(), 0, getpid(), [&] {
    if (!job.has_cover) {
      put_other(job, is_gone);
    } else {
      put_tree(job, tree_namespace, is_gone);
    }
  });
  if (!ended) return our_failure("child that puts the mount", ended.error());
  return job.outcome;
}

Outcome MountMaker::cover(const MountPlace& place, int file_system) {
  MountJob job = {job_for(place), {}};
  if (job.has_ended()) return job.outcome;
  const auto ended = run_in_child(stack_.top(), 0, getpid(), [&] { put_cover(job, file_system); });
  if (!ended) return our_failure("child that covers a node", ended.error());
  return job.outcome;
}

}  // namespace seccompagent
