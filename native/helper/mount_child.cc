// SPDX-License-Identifier: Apache-2.0
// See setns(2), capabilities(7) and user_namespaces(7).
#include "helper/mount_child.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "caller/callers_proc.h"

namespace seccompagent {

namespace {

// Of the byte of a mount namespace, for the open file: so a child holds it as well.
[[nodiscard]] bool set_lock(int locks, ino_t mount_namespace, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(mount_namespace);
  lock.l_len = 1;
  return fcntl(locks, F_OFD_SETLK, &lock) == 0;
}

[[nodiscard]] bool wait_for_lock(int locks, ino_t mount_namespace, short type) {
  constexpr int kTries = 100;
  constexpr int kPauseMs = 5;
  for (int tries = kTries; !set_lock(locks, mount_namespace, type); --tries) {
    if (tries == 0) return false;
    poll(nullptr, 0, kPauseMs);
  }
  return true;
}

}  // namespace

MountLock::MountLock(int locks, ino_t mount_namespace, Kind kind)
    : locks_(locks),
      mount_namespace_(mount_namespace),
      is_held_(wait_for_lock(locks, mount_namespace, kind == Kind::alone ? F_WRLCK : F_RDLCK)) {}

MountLock::MountLock(MountLock&& other) noexcept
    : locks_(other.locks_),
      mount_namespace_(other.mount_namespace_),
      is_held_(std::exchange(other.is_held_, false)) {}

MountLock::~MountLock() {
  if (is_held_) (void)set_lock(locks_, mount_namespace_, F_UNLCK);
}

bool broke(Outcome& outcome, const char* step, long result) {
  if (result != -1) return false;
  outcome = our_failure(step, Errno{errno});
  return true;
}

bool refused(Outcome& outcome, long result) {
  if (result != -1) return false;
  outcome.answer = errno;
  return true;
}

Result<ino_t> id_of(int fd) {
  struct stat found = {};
  if (fstat(fd, &found) == -1) return fail_errno();
  return found.st_ino;
}

Result<struct statx> look_at(int fd) {
  constexpr unsigned kNothing = 0;
  struct statx found = {};
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kNothing, &found) == -1)
    return fail_errno();
  return found;
}

Result<int> mount_id_of(int fd) {
  const auto found = look_at(fd);
  if (!found) return std::unexpected(found.error());
  // Linux 5.8
  if ((found->stx_mask & STATX_MNT_ID) == 0) return fail(EOPNOTSUPP);
  return static_cast<int>(found->stx_mnt_id);
}

bool enter(Outcome& outcome, int namespace_fd, int kind) {
  return namespace_fd < 0 || !broke(outcome, "setns", setns(namespace_fd, kind));
}

namespace {

// Ids and groups, without a change of Linux capabilities.
[[nodiscard]] bool take_ids(CallerJob& job) {
  const auto& [uid, gid, groups, capabilities, umask] = job.place.credentials;
  if (broke(job.outcome, "prctl of the securebits",
            prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP)) ||
      broke(job.outcome, "setgroups", syscall(SYS_setgroups, groups.size(), groups.data())) ||
      broke(job.outcome, "setresgid", syscall(SYS_setresgid, gid.real, gid.effective, gid.saved)) ||
      broke(job.outcome, "setresuid", syscall(SYS_setresuid, uid.real, uid.effective, uid.saved))) {
    return false;
  }
  syscall(SYS_setfsgid, gid.fs);
  syscall(SYS_setfsuid, uid.fs);
  return true;
}

}  // namespace

bool set_effective(CallerJob& job, std::uint64_t wanted) {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> halves = {};
  if (broke(job.outcome, "capget", syscall(SYS_capget, &header, halves.data()))) return false;
  for (auto& half : halves) {
    half.effective = static_cast<std::uint32_t>(wanted) & half.permitted;
    half.inheritable = 0;
    wanted >>= 32;
  }
  return !broke(job.outcome, "capset", syscall(SYS_capset, &header, halves.data()));
}

namespace {

// All but the Linux capabilities.
[[nodiscard]] bool take_ids_and_namespace(CallerJob& job) {
  const pid_t parent = getppid();
  if (!take_ids(job) || !enter(job.outcome, job.place.user_namespace, CLONE_NEWUSER)) return false;
  rearm(parent);
  return true;
}

// After all that the label could forbid, since it would forbid us what the caller never does.
[[nodiscard]] bool take_its_label(CallerJob& job) {
  const Label& label = job.place.label;
  if (!label.is_foreign()) return true;
  const auto taken = take_label(job.own_proc, label);
  if (!taken) job.outcome = refused_label(taken.error());
  return taken.has_value();
}

}  // namespace

bool become_caller(CallerJob& job) {
  return take_ids_and_namespace(job) &&
         set_effective(job, job.place.credentials.effective_capabilities);
}

bool become_caller_wholly(CallerJob& job) {
  return take_ids_and_namespace(job) && take_its_label(job) &&
         set_effective(job, job.place.credentials.effective_capabilities);
}

bool enter_namespaces_of_paths(CallerJob& job) {
  return enter(job.outcome, job.place.net_namespace, CLONE_NEWNET) &&
         enter(job.outcome, job.mount_namespace(), CLONE_NEWNS);
}

bool enter_root(CallerJob& job) {
  return !broke(job.outcome, "fchdir to the root", fchdir(job.place.root)) &&
         !broke(job.outcome, "chroot", chroot("."));
}

UniqueFd open_mount_point(CallerJob& job, unsigned flags) {
  const MountPlace& place = job.place;
  const bool is_by_self = place.proc_path.empty() || has_callers_proc();
  const std::string& path = is_by_self ? place.path : place.proc_path;
  if (path.empty()) {
    UniqueFd base(fcntl(place.base, F_DUPFD_CLOEXEC, 0));
    return broke(job.outcome, "dup of the base", base.get()) ? UniqueFd() : std::move(base);
  }
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC | flags;
  // such links lead to what we have, and not to what the caller has
  how.resolve = RESOLVE_NO_MAGICLINKS;
  const long opened = syscall(SYS_openat2, place.base, path.c_str(), &how, sizeof how);
  return refused(job.outcome, opened) ? UniqueFd() : UniqueFd(static_cast<int>(opened));
}

namespace {

// As whom we act, in the user namespace that we are in. An id that has no number there, or on the
// mount, is shown as this one, and then two such may be different.
[[nodiscard]] bool is_own(const struct stat& found) {
  constexpr uid_t kWithoutNumber = 65534;
  const auto own = static_cast<uid_t>(setfsuid(static_cast<uid_t>(-1)));
  return found.st_uid == own && own != kWithoutNumber;
}

// Files in these belong to users, and to processes that may pass over modes, which still may not
// put anything there: others look for themselves in it, and runtimes for their processes.
[[nodiscard]] bool is_of_kernel(int fd) {
  struct statfs found = {};
  return fstatfs(fd, &found) == -1 || found.f_type == PROC_SUPER_MAGIC ||
         found.f_type == SYSFS_MAGIC;
}

// With the ids and the Linux capabilities that count for files.
[[nodiscard]] bool may_write(int fd) {
  return syscall(SYS_faccessat2, fd, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) == 0;
}

}  // namespace

bool may_cover(const CallerJob& job, int directory) {
  if (job.has_own_power()) return true;
  struct stat found = {};
  if (fstat(directory, &found) == -1) return false;
  if (is_of_kernel(directory)) return false;
  const bool is_its_own = is_own(found);
  if (is_its_own) return true;
  const bool is_sticky = (found.st_mode & S_ISVTX) != 0;
  return !is_sticky && may_write(directory);
}

bool lend_sys_admin(CallerJob& job) {
  const pid_t parent = getppid();
  if (!take_ids(job)) return false;
  rearm(parent);
  // Linux capabilities in the caller's own user namespace are none in ours
  const bool is_ours = job.user_namespace_id == 0;
  return set_effective(job,
                       kSysAdmin | (is_ours ? job.place.credentials.effective_capabilities : 0));
}

void find_owner(CallerJob& job, ino_t own_user_namespace) {
  const auto mounts = id_of(job.mount_namespace());
  if (!mounts) {
    job.outcome = our_failure("fstat of the mount namespace", mounts.error());
    return;
  }
  job.mount_namespace_id = *mounts;
  if (job.place.user_namespace >= 0) {
    const auto theirs = id_of(job.place.user_namespace);
    if (!theirs) job.outcome = our_failure("fstat of the user namespace", theirs.error());
    job.user_namespace_id = theirs.value_or(0);
  }
  if (job.has_ended() || job.place.mount_namespace < 0) return;
  UniqueFd owner(ioctl(job.place.mount_namespace, NS_GET_USERNS));
  if (broke(job.outcome, "owner of the mount namespace", owner.get())) return;
  const auto id = id_of(owner.get());
  if (!id) {
    job.outcome = our_failure("fstat of the owner", id.error());
    return;
  }
  if (*id == own_user_namespace) return;
  job.owner = std::move(owner);
  job.owner_id = *id;
}

}  // namespace seccompagent
