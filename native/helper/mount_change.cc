// SPDX-License-Identifier: Apache-2.0
// Changes of mounts that are there, see umount2(2) and mount_setattr(2).
//
// The inspected mount has to be the changed one. A mount that was opened stays that mount, so
// attributes are set by the descriptor, and a lazy unmount goes by its link in our procfs. Any
// other unmount needs the mount to be in nobody's hands, ours included, and goes by a name in a
// folder that is held; if the container puts something else there meanwhile, it is a mount without
// others on it, which hides nothing. On a volume, others may exchange its name with that of a mount
// which stays: where there is one, the unmount is lazy. The file system itself is asked for nothing
// that the kernel would not ask it for: whoever unmounts one lazily often does so because it
// answers no more.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <optional>
#include <string>
#include <utility>

#include "helper/mount_child.h"
#include "helper/mountinfo.h"
#include "helper/new_mount.h"

namespace seccompagent {
namespace {

constexpr unsigned kFollowsNoLink = UMOUNT_NOFOLLOW;

struct ChangeJob : CallerJob {
  // Whether mounts below lose their places or get other attributes, too.
  bool reaches_below = false;
  // Opened where all mounts of the namespace can be seen.
  UniqueFd mountinfo = {};
  UniqueFd mount = {};
  bool is_unmount = false;
  // What stays for everybody; null: nothing more.
  const Spared* spared = nullptr;
  // It may hide something, so only who has the power himself may do it.
  bool is_protected = false;
  // With all that lies on it, which the kernel does not part from it.
  bool goes_whole = false;
  // Others could exchange its name with that of a mount which stays.
  bool has_no_name = false;
};

// Keeps others from adding mounts below meanwhile.
[[nodiscard]] std::optional<MountLock> lock_below(ChangeJob& job) {
  if (!job.reaches_below && job.spared == nullptr) return std::nullopt;
  std::optional<MountLock> lock(std::in_place, job.locks, job.mount_namespace_id,
                                MountLock::Kind::alone);
  if (!lock->is_held()) job.outcome.answer = EBUSY;
  return lock;
}

// Goes where the mount is, and opens it.
[[nodiscard]] bool open_mount(ChangeJob& job, unsigned flags) {
  if (!enter_namespaces_of_paths(job)) return false;
  job.mountinfo.reset(openat(job.own_proc, "self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (broke(job.outcome, "open of mountinfo", job.mountinfo.get()) || !enter_root(job))
    return false;
  run_as_caller(job, [&] { job.mount = open_mount_point(job, flags); });
  return !job.has_ended();
}

// Whether it may hide something, judged by what file system it is: for a mount that is in no list.
[[nodiscard]] Result<bool> is_hiding_file_system(const UniqueFd& mount) {
  struct statfs found = {};
  if (fstatfs(mount.get(), &found) == -1) return fail_errno();
  return found.f_type == PROC_SUPER_MAGIC || found.f_type == SYSFS_MAGIC;
}

// The mount, and all mounts of its namespace as of one moment.
struct Sight {
  int id;
  std::string mountinfo;
};

[[nodiscard]] Result<Sight> look_at_mount(const ChangeJob& job) {
  const auto id = mount_id_of(job.mount.get());
  if (!id) return std::unexpected(id.error());
  auto text = read_mountinfo(job.mountinfo);
  if (!text) return std::unexpected(text.error());
  return Sight{.id = *id, .mountinfo = std::move(*text)};
}

[[nodiscard]] Result<bool> is_protected(const ChangeJob& job, const Sight& sight) {
  const auto standing = find_standing(sight.mountinfo, sight.id);
  if (!standing) return std::unexpected(standing.error());
  if (!standing->is_listed) {
    // A mount covered by another root is in no list, and its own masks must stay there.
    // Other attributes of a mask reveal nothing.
    return job.reaches_below || job.is_unmount ? true : is_hiding_file_system(job.mount);
  }
  return standing->may_hide || (job.reaches_below && standing->may_hide_below);
}

// Its own root is not what a caller without power takes away: the kernel would make the whole file
// system read-only instead.
[[nodiscard]] bool is_root(const ChangeJob& job) {
  const auto id = mount_id_of(job.mount.get());
  const auto root = mount_id_of(job.place.root);
  return !id || !root || *id == *root;
}

// In our procfs.
[[nodiscard]] std::string link_of(const UniqueFd& fd) {
  return "self/fd/" + std::to_string(fd.get());
}

// Whether the kernel keeps a mount where it is, also on one that is unmounted, see
// mount_namespaces(7). Nothing is unmounted by asking: this one is in use, by our descriptor.
[[nodiscard]] bool is_locked(const ChangeJob& job, const UniqueFd& mount) {
  return fchdir(job.own_proc) == 0 && umount2(link_of(mount).c_str(), MNT_EXPIRE) == -1 &&
         errno == EINVAL;
}

// Whether a proc or sysfs of the container's own shows no more than before, also to who has a file
// of it open, when it goes with all that lies on it.
[[nodiscard]] bool may_go_whole(const ChangeJob& job, const OwnMount& own) {
  return own.is_own && std::ranges::all_of(own.below, [&](const MountBelow& below) {
           const UniqueFd found(
               openat(job.mount.get(), below.path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
           const auto id = found.is_open() ? mount_id_of(found.get()) : fail_errno();
           return id && *id == below.id && is_locked(job, found);
         });
}

// Whether it stays where it is, whoever asks.
[[nodiscard]] bool is_spared(ChangeJob& job, const Sight& sight) {
  if (job.spared == nullptr) return false;
  const Spared& spared = *job.spared;
  const auto stays = is_spared(sight.mountinfo, sight.id, spared);
  if (!stays || *stays) return true;
  if (!job.is_protected) return false;
  const auto own = find_own(sight.mountinfo, sight.id, spared);
  if (!own || !may_go_whole(job, *own)) return true;
  job.goes_whole = !own->below.empty();
  return false;
}

// A place in the middle of a mount can't be unmounted, but another mount could be, by its name.
[[nodiscard]] bool is_mount_root(const UniqueFd& fd) {
  const auto seen = look_at(fd.get());
  return seen && (seen->stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// Notes whether it may not; false: it has mounts on it, so that it is busy.
[[nodiscard]] bool may_go_by_name(ChangeJob& job, const Sight& sight) {
  if (job.spared == nullptr) return true;
  const auto may = may_change_places(sight.mountinfo, sight.id, *job.spared);
  job.has_no_name = !may || *may;
  if (!job.has_no_name || job.reaches_below || job.goes_whole) return true;
  const auto mounts = parse_mounts(sight.mountinfo);
  const auto found = mounts ? mounts->find(sight.id) : Mounts::const_iterator();
  if (!mounts || found == mounts->end() || !find_below(*mounts, found->second).empty())
    job.outcome.answer = EBUSY;
  return !job.has_ended();
}

// Nothing of others', nor of the runtime's, is taken away with power that is lent.
[[nodiscard]] bool is_of_others(const ChangeJob& job, const Sight& sight) {
  if (!job.is_unmount || job.has_own_power()) return false;
  const bool is_tree = job.reaches_below || job.goes_whole;
  const auto found = is_taken_from_others(sight.mountinfo, sight.id, is_tree);
  if (!found || *found) return true;
  const auto first = is_of_first(sight.mountinfo, sight.id, is_tree, job.place.first_mounts);
  return !first || *first;
}

[[nodiscard]] bool may_change(ChangeJob& job) {
  if (job.spared != nullptr && !is_mount_root(job.mount)) {
    job.outcome.answer = EINVAL;
    return false;
  }
  const auto sight = look_at_mount(job);
  const auto judged = sight ? is_protected(job, *sight) : fail(sight.error().number);
  if (!judged) {
    job.outcome = our_failure("look at the mount", judged.error());
    return false;
  }
  job.is_protected = *judged;
  if (is_spared(job, *sight) || is_of_others(job, *sight) ||
      (job.is_protected && !job.has_own_power()))
    job.outcome.answer = EPERM;
  return !job.has_ended() && may_go_by_name(job, *sight);
}

// With CAP_SYS_ADMIN on top, where it is lent.
[[nodiscard]] bool take_power(ChangeJob& job) {
  if (!job.is_of_owner()) return lend_sys_admin(job);
  const std::uint64_t own = job.place.credentials.effective_capabilities;
  return become_caller(job) && (job.is_protected || set_effective(job, own | kSysAdmin));
}

[[nodiscard]] bool is_there(ChangeJob& job, const IsGone& is_gone) {
  job.outcome.is_gone = is_gone();
  return !job.outcome.is_gone;
}

// --- unmounting ----------------------------------------------------------------------------------

struct Named {
  std::string folder;
  std::string name;
};

// Name of the mount, as its caller would say now. EINVAL: it has no name there.
[[nodiscard]] Result<Named> name_of(const ChangeJob& job) {
  std::string path(PATH_MAX, '\0');
  const ssize_t length =
      readlinkat(job.own_proc, link_of(job.mount).c_str(), path.data(), path.size());
  if (length == -1) return fail_errno();
  path.resize(static_cast<std::size_t>(length));
  const std::size_t slash = path.rfind('/');
  if (!path.starts_with('/') || slash + 1 == path.size()) return fail(EINVAL);
  return Named{path.substr(0, slash + 1), path.substr(slash + 1)};
}

// The folder that it is in becomes the working directory. EBUSY: it is not there any more.
[[nodiscard]] bool go_to_folder(ChangeJob& job, const Named& named) {
  const UniqueFd folder(open(named.folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (refused(job.outcome, folder.get()) || refused(job.outcome, fchdir(folder.get())))
    return false;
  const UniqueFd found(open(named.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (refused(job.outcome, found.get())) return false;
  const auto id = mount_id_of(found.get());
  const auto wanted = mount_id_of(job.mount.get());
  if (!id || !wanted || *id != *wanted) job.outcome.answer = EBUSY;
  return !job.has_ended();
}

void unmount_by_name(ChangeJob& job, unsigned flags, const IsGone& is_gone) {
  const auto named = name_of(job);
  if (!named) {
    job.outcome.answer = named.error().number;
    return;
  }
  if (!take_power(job) || !go_to_folder(job, *named) || !is_there(job, is_gone)) return;
  job.mount.reset();
  (void)refused(job.outcome, umount2(named->name.c_str(), static_cast<int>(flags)));
}

void unmount_lazily(ChangeJob& job, unsigned flags, const IsGone& is_gone) {
  if (!take_power(job) || broke(job.outcome, "fchdir to our procfs", fchdir(job.own_proc)) ||
      !is_there(job, is_gone)) {
    return;
  }
  (void)refused(job.outcome, umount2(link_of(job.mount).c_str(), static_cast<int>(flags)));
}

void unmount_in_child(ChangeJob& job, unsigned flags, const IsGone& is_gone) {
  if (!open_mount(job, (flags & kFollowsNoLink) == 0 ? 0 : O_NOFOLLOW)) return;
  // the second also ends connections of file systems, for everybody who uses them
  const bool is_of_host = job.has_own_power() && job.user_namespace_id == 0;
  if ((is_root(job) && !job.has_own_power()) || ((flags & MNT_FORCE) != 0 && !is_of_host))
    job.outcome.answer = EPERM;
  if (job.has_ended() || !may_change(job)) return;
  // its masks keep it busy
  if (job.goes_whole && (flags & MNT_EXPIRE) == 0) flags |= MNT_DETACH;
  if (job.has_no_name && (flags & MNT_EXPIRE) != 0) {
    job.outcome.answer = EBUSY;
    return;
  }
  if (job.has_no_name) flags |= MNT_DETACH;
  if ((flags & MNT_DETACH) != 0)
    unmount_lazily(job, flags & ~kFollowsNoLink, is_gone);
  else
    unmount_by_name(job, flags | kFollowsNoLink, is_gone);
}

// --- attributes ----------------------------------------------------------------------------------

// Nothing is lent to take away what somebody with more power has wanted.
[[nodiscard]] std::uint64_t attributes_to_keep(const ChangeJob& job) {
  if (job.has_own_power()) return job.kept_attributes();
  return job.kept_attributes() | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
}

// Who may do with any file what its owner may. An id mapping makes others owners of all files of a
// mount, so nobody else is lent the power for that: it is one over the file system, which a user
// namespace has over its own ones alone.
[[nodiscard]] bool owns_all_files(const ChangeJob& job) {
  constexpr std::uint64_t kOwner =
      1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER;
  const std::uint64_t effective = job.place.credentials.effective_capabilities;
  return job.user_namespace_id == 0 && (effective & kOwner) == kOwner;
}

void change_in_child(ChangeJob& job, const MountChange& change, const IsGone& is_gone) {
  if (!open_mount(job, 0) || !may_change(job)) return;
  if ((change.clear & attributes_to_keep(job)) != 0) {
    job.outcome.answer = EPERM;
    return;
  }
  const bool maps_ids = change.user_namespace >= 0;
  const bool is_lent = !job.is_protected && (!maps_ids || owns_all_files(job));
  // nothing is looked up any more
  const bool has_power = is_lent ? set_effective(job, kSysAdmin) : become_caller(job);
  if (!has_power || !is_there(job, is_gone)) return;
  mount_attr attributes = {};
  attributes.attr_set = change.set;
  attributes.attr_clr = change.clear;
  if (maps_ids) {
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<std::uint64_t>(change.user_namespace);
  }
  const int flags = AT_EMPTY_PATH | (change.is_recursive ? AT_RECURSIVE : 0);
  (void)refused(job.outcome, syscall(SYS_mount_setattr, job.mount.get(), "", flags, &attributes,
                                     sizeof attributes));
}

}  // namespace

Outcome MountMaker::unmount(const MountPlace& place, unsigned flags, const IsGone& is_gone,
                            const Spared* spared) {
  ChangeJob job = {job_for(place), (flags & MNT_DETACH) != 0};
  job.is_unmount = true;
  job.spared = spared;
  if (job.has_ended()) return job.outcome;
  const auto lock = lock_below(job);
  if (job.has_ended()) return job.outcome;
  const auto ended =
      run_in_child(stack_.top(), 0, getpid(), [&] { unmount_in_child(job, flags, is_gone); });
  if (!ended) return our_failure("child that unmounts", ended.error());
  return job.outcome;
}

Outcome MountMaker::set_attributes(const MountPlace& place, const MountChange& change,
                                   const IsGone& is_gone) {
  // a descriptor that is none of a caller's must not be looked for
  if (change.user_namespace < 0 && (change.set & MOUNT_ATTR_IDMAP) != 0) return {.answer = EINVAL};
  ChangeJob job = {job_for(place), change.is_recursive};
  if (job.has_ended()) return job.outcome;
  const auto lock = lock_below(job);
  if (job.has_ended()) return job.outcome;
  const auto ended =
      run_in_child(stack_.top(), 0, getpid(), [&] { change_in_child(job, change, is_gone); });
  if (!ended) return our_failure("child that changes a mount", ended.error());
  return job.outcome;
}

}  // namespace seccompagent
