// SPDX-License-Identifier: Apache-2.0
// Children of a helper for mounts, which become the caller and go where it is.
//
// All that changes who or where we are happens in children, so that we stay as we are, and what a
// child leaves unfinished goes with its namespaces.
#pragma once

#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdint>

#include "helper/new_mount.h"
#include "helper/own_child.h"
#include "kernel/outcome.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

inline constexpr std::uint64_t kSysAdmin = 1ULL << CAP_SYS_ADMIN;

// One thing that is done for a caller.
struct CallerJob {
  const MountPlace& place;
  void* inner_stack_top;
  int lifeline;
  int own_proc;
  int first_mount_namespace;
  int locks;
  // The inode number of the caller's mount namespace.
  ino_t mount_namespace_id = 0;
  // The user namespace that owns the caller's mount namespace; closed and 0 where that is our own.
  UniqueFd owner = {};
  ino_t owner_id = 0;
  // The one that the caller is in; 0 where that is our own.
  ino_t user_namespace_id = 0;
  Outcome outcome = {};

  [[nodiscard]] bool has_ended() const {
    return outcome.failed_step != nullptr || outcome.answer != 0 || outcome.is_gone;
  }
  // With power in the caller's user namespace we have it over its mounts as well.
  [[nodiscard]] bool is_of_owner() const {
    return user_namespace_id == owner_id || user_namespace_id == 0;
  }
  [[nodiscard]] bool has_own_power() const {
    return is_of_owner() && (place.credentials.effective_capabilities & kSysAdmin) != 0;
  }
  // Attributes that a mount keeps where the power over it is lent: whoever wrote its contents must
  // not become others by them. Root of a user namespace is that already, but owns no devices.
  [[nodiscard]] std::uint64_t kept_attributes() const {
    if (!has_own_power()) return MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    return user_namespace_id == 0 ? 0 : MOUNT_ATTR_NODEV;
  }
  [[nodiscard]] int mount_namespace() const {
    return place.mount_namespace < 0 ? first_mount_namespace : place.mount_namespace;
  }
};

// Keeps a mount that something is mounted on and one that is looked at before it is changed apart,
// also between helpers: a proc that came on top in between would lose its masks. It is a byte for
// each mount namespace in a file that only we have: a lock of the namespace itself, containers
// could hold.
class MountLock {
 public:
  enum class Kind : std::uint8_t { shared, alone };
  // Waits for half a second: somebody else of the container may mount or unmount in a loop.
  MountLock(int locks, ino_t mount_namespace, Kind kind);
  MountLock(MountLock&& other) noexcept;
  MountLock& operator=(MountLock&&) = delete;
  MountLock(const MountLock&) = delete;
  MountLock& operator=(const MountLock&) = delete;
  ~MountLock();
  [[nodiscard]] bool is_held() const { return is_held_; }

 private:
  int locks_;
  ino_t mount_namespace_;
  bool is_held_;
};

// Our own failure, at a named step.
[[nodiscard]] bool broke(Outcome& outcome, const char* step, long result);
// The caller's own error.
[[nodiscard]] bool refused(Outcome& outcome, long result);

[[nodiscard]] Result<ino_t> id_of(int fd);
// Mount, device and attributes, which the kernel itself knows. The file system may never answer,
// and FUSE tells others than its own user nothing else.
[[nodiscard]] Result<struct statx> look_at(int fd);
// As mountinfo has it.
[[nodiscard]] Result<int> mount_id_of(int fd);
// -1: that is where we are.
[[nodiscard]] bool enter(Outcome& outcome, int namespace_fd, int kind);

// Looks at whom the caller's mount namespace belongs to.
void find_owner(CallerJob& job, ino_t own_user_namespace);
// Its mount namespace, the network namespace, whose names procfs shows, and the root.
[[nodiscard]] bool enter_namespaces_of_paths(CallerJob& job);
[[nodiscard]] bool enter_root(CallerJob& job);

// Makes those effective that are wanted and permitted.
[[nodiscard]] bool set_effective(CallerJob& job, std::uint64_t wanted);
// With its Linux capabilities, in its user namespace, but judged by our own label.
[[nodiscard]] bool become_caller(CallerJob& job);
// The same under the caller's label, for what it could do itself.
[[nodiscard]] bool become_caller_wholly(CallerJob& job);
// Paths that are looked up meanwhile are judged with the caller's ids; CAP_SYS_ADMIN is added to
// what the caller has.
[[nodiscard]] bool lend_sys_admin(CallerJob& job);

// Does something as the caller, for those who have to stay in our user namespace or keep our label.
template <typename Work>
void run_as_caller(CallerJob& job, Work work) {
  const auto ended = run_in_child(job.inner_stack_top, CLONE_FILES, getpid(), [&] {
    if (become_caller_wholly(job)) work();
  });
  if (!ended) job.outcome = our_failure("child at the mount point", ended.error());
}

// Opens the mount point as the caller, who we are then; with O_PATH and such flags. An empty path
// is the base itself.
[[nodiscard]] UniqueFd open_mount_point(CallerJob& job, unsigned flags);

// Whether this directory may be covered by a new mount, asked as the caller: where power is lent,
// over its own directories and those that it may write, but nobody else's sticky ones. So it takes
// away from others no more than it could by what it writes there.
[[nodiscard]] bool may_cover(const CallerJob& job, int directory);

}  // namespace seccompagent
