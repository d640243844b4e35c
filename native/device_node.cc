// SPDX-License-Identifier: Apache-2.0
// Everything but the mounting itself is done from outside, on descriptors. The host's own nodes are
// not what is mounted: whoever is root in the container could change their owner and permissions.
// Nothing here asks the caller's file system, which may never answer: whoever made the node has.
#include "device_node.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "child.h"
#include "child_starter.h"
#include "ending_children.h"
#include "raw_syscall.h"

namespace seccompagent {
namespace {

constexpr const char* kName = "node";
// However long all before it has taken.
constexpr Nanoseconds kLeastToUndo = kSecond;

// What the child is given, in this order.
constexpr int kFileSystem = ChildStarter::kFirstGiven;
constexpr int kNode = kFileSystem + 1;
constexpr int kMountNamespace = kNode + 1;

// Everything the child reads and writes; it lives until the child has ended.
struct Cover {
  ChildStack stack;
  const char* failed_step = "end of the child";
  long failure = -EINTR;
};

// The mount of the node alone. Before Linux 6.15 only what is attached somewhere can be taken from
// a mount, so it gets a place in a mount namespace that nobody else is in.
SECCOMPAGENT_CHILD_CODE long take_node(Cover& cover) {
  cover.failed_step = "unshare of the mount namespace";
  long result = raw_syscall(SYS_unshare, CLONE_NEWNS);
  if (result < 0) return result;
  cover.failed_step = "making mounts private";
  result =
      raw_syscall(SYS_mount, 0, raw_pointer("/"), 0, static_cast<long>(MS_REC | MS_PRIVATE), 0);
  if (result < 0) return result;
  cover.failed_step = "attaching a file system";
  result = raw_syscall(SYS_move_mount, kFileSystem, raw_pointer(""), AT_FDCWD, raw_pointer("/"),
                       MOVE_MOUNT_F_EMPTY_PATH);
  if (result < 0) return result;
  cover.failed_step = "taking a node";
  return raw_syscall(SYS_open_tree, kFileSystem, raw_pointer(kName),
                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

SECCOMPAGENT_CHILD_CODE int cover_child(void* argument) {
  Cover& cover = *static_cast<Cover*>(argument);
  raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  const long taken = take_node(cover);
  cover.failure = taken;
  if (taken < 0) return 0;
  cover.failed_step = "setns of the mount namespace";
  cover.failure = raw_syscall(SYS_setns, kMountNamespace, CLONE_NEWNS);
  if (cover.failure < 0) return 0;
  // What is covered was made for the call, and is finished even if a signal has taken the call back
  // since: when it comes again, it finds this answer, and not what was left half done.
  cover.failed_step = "mounting a node";
  cover.failure = raw_syscall(SYS_move_mount, taken, raw_pointer(""), kNode, raw_pointer(""),
                              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  if (cover.failure >= 0) cover.failed_step = nullptr;
  return 0;
}

// A file system with one node that looks like the caller's.
[[nodiscard]] Result<UniqueFd> file_system_with(dev_t device, const NodeLook& look) {
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
  if (mknodat(made.get(), kName, S_IFCHR, device) != 0 ||
      fchownat(made.get(), kName, look.uid, look.gid, AT_SYMLINK_NOFOLLOW) != 0 ||
      fchmodat(made.get(), kName, look.mode & 0777, 0) != 0) {
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
  left.most = std::max(patience.most - (now() - start), kMillisecond);
  return left;
}

[[nodiscard]] Covering cover_node(const Acting& acting, const UniqueFd& node, const NodeLook& look,
                                  const Patience& patience) {
  const auto failed = [](const char* step, Errno error) {
    return Covering{.outcome = our_failure(step, error)};
  };
  const dev_t device = makedev(acting.request.first, acting.request.second);
  auto file_system = file_system_with(device, look);
  if (!file_system) return failed("make a file system", file_system.error());
  const UniqueFd& theirs = acting.target.mount_namespace;
  const UniqueFd mount_namespace(theirs.is_open()
                                     ? fcntl(theirs.get(), F_DUPFD_CLOEXEC, 0)
                                     : open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!mount_namespace.is_open()) return failed("open a mount namespace", fail_errno().error());
  auto stack = ChildStack::make();
  if (!stack) return failed("map a stack", stack.error());
  auto cover = std::make_unique<Cover>(Cover{.stack = std::move(*stack)});
  const std::array given = {file_system->get(), node.get(), mount_namespace.get()};
  auto child =
      ChildStarter::of_process().start_child(cover->stack, cover_child, cover.get(), given);
  if (!child) return failed("start a child", child.error());
  const auto ended = await_or_leave(std::move(*child), patience, acting.token, cover);
  if (!cover) return {.outcome = {.answer = ETIMEDOUT}, .may_be_covered = true};
  if (cover->failed_step == nullptr) return {.outcome = {}, .may_be_covered = true};
  if (!ended) return {.outcome = {.answer = ETIMEDOUT}};
  // the container has as many mounts as it may
  if (cover->failure == -ENOSPC) return {.outcome = {.answer = ENOSPC}};
  return failed(cover->failed_step, Errno{static_cast<int>(-cover->failure)});
}

// What nobody can open is not left in the way of the next call, since this one has failed. By a
// helper, which can be ended: the file system may have become slow.
void undo(const Acting& acting, ActsItself& worker, const UniqueFd& node, Patience patience) {
  patience.most = std::max(patience.most, kLeastToUndo);
  FileRequest request = {};
  request.operation = FileOperation::undo_mknod;
  request.path = acting.request.path;
  request.within = acting.request.within;
  // if the caller may not remove it any more, it stays
  (void)act_on_file({.target = acting.target,
                     .request = request,
                     .patience = patience,
                     .actor = Actor::helper,
                     .token = acting.token,
                     .made = node.get()},
                    worker);
}

}  // namespace

FileOutcome make_device_node(const Acting& acting, ActsItself& worker) {
  if (!EndingChildren::of_process().await_room(acting.token, acting.patience))
    return {.outcome = our_failure(kTooManyHang, Errno{EBUSY}), .bytes = {}, .fd = {}};
  const Nanoseconds start = now();
  FileOutcome made = act_with_power(acting, worker);
  const UniqueFd node = std::move(made.fd);
  const std::string bytes = std::exchange(made.bytes, {});
  NodeLook look = {};
  if (made.outcome.answer != 0 || !node.is_open() || bytes.size() != sizeof look) return made;
  std::memcpy(&look, bytes.data(), sizeof look);
  const Covering covering = cover_node(acting, node, look, what_is_left(acting.patience, start));
  made.outcome = covering.outcome;
  if (!covering.may_be_covered) undo(acting, worker, node, what_is_left(acting.patience, start));
  return made;
}

}  // namespace seccompagent
