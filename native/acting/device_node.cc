// SPDX-License-Identifier: Apache-2.0
// Everything but the mounting itself is done from outside, on descriptors. The host's own nodes are
// not what is mounted: whoever is root in the container could change their owner and permissions.
// Nothing here asks the caller's file system, which may never answer: whoever made the node has.
#include "acting/device_node.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "acting/mounting.h"
#include "kernel/counted_apart.h"
#include "process/child.h"
#include "process/ending_children.h"

namespace seccompagent {
namespace {

// However long all before it has taken.
constexpr Nanoseconds kLeastToUndo = kSecond;

// A file system with one node that looks like the caller's.
[[nodiscard]] Result<UniqueFd> file_system_with(dev_t device, const NodeLook& look) {
  const CountedApart apart;
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!context.is_open()) return fail_errno();
  const auto set = [&](const char* key, const char* value) {
    return syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, key, value, 0) == 0;
  };
  if (!set("source", "seccompagent") || !set("nr_inodes", "2") || !set("size", "4096") ||
      syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return fail_errno();
  }
  UniqueFd made(static_cast<int>(
      syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)));
  if (!made.is_open()) return fail_errno();
  if (mknodat(made.get(), kNodeName, S_IFCHR, device) != 0 ||
      fchownat(made.get(), kNodeName, look.uid, look.gid, AT_SYMLINK_NOFOLLOW) != 0 ||
      fchmodat(made.get(), kNodeName, look.mode & 0777, 0) != 0) {
    return fail_errno();
  }
  return made;
}

struct Covering {
  Outcome outcome;
  // It is, or may still be: somebody is at it who can't be killed.
  bool may_be_covered = false;
};

// Of all that is done for one call.
[[nodiscard]] Patience what_is_left(const Patience& patience, Nanoseconds start) {
  Patience left = patience;
  left.max = std::max(patience.max - (now() - start), kMillisecond);
  return left;
}

// By a helper for mounts, under the rules for new mounts.
[[nodiscard]] Covering cover(const Acting& acting, const UniqueFd& node, const NodeLook& look,
                             const Patience& patience) {
  // longer than this call, for the outcome
  static thread_local std::string failed_step;
  const dev_t device = makedev(acting.request.first, acting.request.second);
  const auto file_system = file_system_with(device, look);
  if (!file_system) return {.outcome = our_failure("make a file system", file_system.error())};
  const Outcome outcome = cover_node({.target = acting.target,
                                      .patience = patience,
                                      .owner = acting.owner,
                                      .cgroups = acting.cgroups,
                                      .failed_step = failed_step},
                                     node, *file_system);
  const bool is_done = outcome.failed_step == nullptr && outcome.answer == 0;
  return {.outcome = outcome, .may_be_covered = is_done || outcome.answer == ETIMEDOUT};
}

// Removes a node that nobody can open, so that the next call does not fail as well. By a
// helper, which can be ended: the file system may have become slow.
void undo(const Acting& acting, const UniqueFd& node, Patience patience) {
  patience.max = std::max(patience.max, kLeastToUndo);
  FileRequest request = {};
  request.operation = FileOperation::undo_mknod;
  request.path = acting.request.path;
  request.within = acting.request.within;
  // if the caller may not remove it any more, it stays
  (void)act_on_file({.target = acting.target,
                     .request = request,
                     .patience = patience,
                     .owner = acting.owner,
                     .cgroups = acting.cgroups,
                     .made = node.get()});
}

}  // namespace

FileOutcome make_device_node(const Acting& acting) {
  if (!EndingChildren::of_process().await_room(acting.owner.payer, acting.patience))
    return {.outcome = our_failure(kTooManyHang, Errno{EBUSY}), .bytes = {}, .fd = {}};
  const Nanoseconds start = now();
  FileOutcome made = act_on_file(acting);
  const UniqueFd node = std::move(made.fd);
  const std::string bytes = std::exchange(made.bytes, {});
  NodeLook look = {};
  if (made.outcome.answer != 0 || !node.is_open() || bytes.size() != sizeof look) return made;
  std::memcpy(&look, bytes.data(), sizeof look);
  const Covering covering = cover(acting, node, look, what_is_left(acting.patience, start));
  made.outcome = covering.outcome;
  if (!covering.may_be_covered) undo(acting, node, what_is_left(acting.patience, start));
  return made;
}

}  // namespace seccompagent
