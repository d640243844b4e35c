// SPDX-License-Identifier: Apache-2.0
// New mounts in containers. For a program with one thread and nothing else to do.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "caller/target.h"
#include "helper/masks.h"
#include "helper/proc_opener.h"
#include "helper/spared.h"
#include "kernel/outcome.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"
#include "process/child.h"

namespace seccompagent {

struct NewMount {
  std::string type;
  std::vector<MountOption> options;
  // MOUNT_ATTR_* for fsmount(2).
  std::uint32_t attributes;
};

// Attributes: MOUNT_ATTR_*.
struct MountChange {
  std::uint64_t set;
  std::uint64_t clear;
  // Those below as well.
  bool is_recursive;
  // Of an id mapping; -1: there is none.
  int user_namespace;
};

// Place at which a caller wants it. Its descriptors were pinned for a valid notification and are
// borrowed; those of namespaces are -1 where the caller's is our own (the one we had before
// MountMaker::start, of mount namespaces).
struct MountPlace {
  int root;
  // Start of the path: O_PATH, a directory.
  int base;
  // The mount point as the caller sees it; empty: the base itself.
  std::string path;
  int mount_namespace;
  int user_namespace;
  int pid_namespace;
  int net_namespace;
  int ipc_namespace;
  int cgroup_namespace;
  Credentials credentials;
  Label label = {};
  // Descriptor for IsGone. All others are closed before a file system looks for its source: the
  // caller may name them by /proc/self/fd. -1: none.
  int listener;
  // False: as on kernels whose proc has no option `pidns`.
  bool may_use_pidns = true;
  // The caller's mounts are not those of the container's first process.
  bool has_own_mounts = false;
  // Number of mounts that the container may have more; beyond, ENOSPC.
  std::uint64_t allowance = Made::kUntold;
  // All of a path that starts at an entry of /proc/self, see FileRequest.
  std::string proc_path = {};
  // Of an unmount: nothing is lent for these.
  FirstMounts first_mounts = {};
};

inline constexpr const char* kNodeName = "node";

// Asked right before the effect: whether the notification went away. It runs in a child that
// shares our memory while we wait for it.
using IsGone = std::function<bool()>;

struct CallerJob;
struct MountJob;

class MountMaker {
 public:
  // Leaves our mount namespace for a small one of our own, for good: nothing of the old one can be
  // reached by a path any more. All children hold the descriptor `lifeline`; -1: there is none. In
  // the file `locks` all makers have their locks, see MountLock; -1: we are the only one.
  [[nodiscard]] static Result<MountMaker> start(int lifeline = -1, int locks = -1);

  // The mount point is resolved as the caller, and CAP_SYS_ADMIN is lent for the mount; EPERM: not
  // over this one, see may_cover. A new proc or sysfs hides what the masks say before anybody can
  // see it. Where the caller's mount namespace belongs to another user namespace than ours, the
  // kernel holds the masks in their places.
  [[nodiscard]] Outcome make_mount(const NewMount& mount, const MountPlace& place,
                                   const Masks& masks, const IsGone& is_gone);

  // Mounts the node of a detached file system that has one, by the name kNodeName, on what is the
  // place's base. What is covered was made for the call, and is covered even if a signal has taken
  // the call back since: when it comes again, it finds this answer, and not what was left half
  // done.
  [[nodiscard]] Outcome cover(const MountPlace& place, int file_system);

  // Takes a mount away, see umount2(2), as the caller with CAP_SYS_ADMIN lent. It is not lent for
  // what may hide something of proc or sysfs, or has such a thing below that would lose its place:
  // EPERM for whoever has it not himself, and so for the place's first mounts. (Where a mount
  // namespace was copied into another user namespace, the kernel holds masks in their places, but
  // not those that a runtime has made in a namespace that belongs to the container's user namespace
  // already, and they look alike.) With `spared` EPERM is for everybody, and for what is_spared
  // names as well. A proc or sysfs of the container's own goes, see find_own, unless something on
  // it could show what it hides.
  [[nodiscard]] Outcome unmount(const MountPlace& place, unsigned flags, const IsGone& is_gone,
                                const Spared* spared = nullptr);

  // Changes attributes of a mount, see mount_setattr(2), in the same way.
  [[nodiscard]] Outcome set_attributes(const MountPlace& place, const MountChange& change,
                                       const IsGone& is_gone);

  // Lets go of what the last mounts left behind, which takes the kernel longer than many of them:
  // to be called when nobody waits.
  void clean_up() { left_behind_.clear(); }

  // Number of trees of mounts kept for callers that ask for the same again.
  [[nodiscard]] std::size_t kept_trees() const { return kept_.size(); }

 private:
  // Options that make one proc tree differ from another.
  struct Key {
    std::vector<MountOption> options;
    std::uint32_t attributes;
    std::vector<Mask> masks;
    // Inode numbers. The tree holds both namespaces, so that nobody else gets these.
    ino_t pid_namespace;
    ino_t owner;
    friend bool operator==(const Key&, const Key&) = default;
  };
  // A mount namespace in which the tree is ready.
  struct Kept {
    Key key;
    UniqueFd tree_namespace;
  };
  MountMaker(ChildStack stack, ChildStack inner_stack, ProcOpener proc_opener)
      : stack_(std::move(stack)),
        inner_stack_(std::move(inner_stack)),
        proc_opener_(std::move(proc_opener)) {}

  // Has ended where the place can't be looked at.
  [[nodiscard]] CallerJob job_for(const MountPlace& place) const;
  // The namespace with the tree, or -1: the job has ended.
  [[nodiscard]] int tree_for(MountJob& job);

  ChildStack stack_;
  ChildStack inner_stack_;
  ProcOpener proc_opener_;
  UniqueFd empty_mounts_;
  // A proc that shows processes only: the way to descriptors of our namespaces.
  UniqueFd own_proc_;
  UniqueFd first_mount_namespace_;
  ino_t own_user_namespace_ = 0;
  int lifeline_ = -1;
  int locks_ = -1;
  UniqueFd own_locks_;
  // Mount namespaces.
  std::vector<UniqueFd> left_behind_;
  // The one that was used last is the last.
  std::vector<Kept> kept_;
};

}  // namespace seccompagent
