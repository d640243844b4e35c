// SPDX-License-Identifier: Apache-2.0
#include "helper/detached_mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/mount_child.h"

namespace seccompagent {

UniqueFd open_own_mount_namespace(int own_proc) {
  // PIDFD_GET_MNT_NAMESPACE of linux/pidfd.h
  constexpr unsigned long kGetMountNamespace = _IO(0xff, 3);
  const UniqueFd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  const int found = ioctl(self.get(), kGetMountNamespace, 0);
  if (found >= 0) return UniqueFd(found);
  return UniqueFd(openat(own_proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC));
}

UniqueFd open_tree_at(const char* path) {
  return UniqueFd(static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
}

long move_to_path(const UniqueFd& tree, const char* path) {
  return syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

bool configure(Outcome& outcome, const UniqueFd& context, const MountOption& option) {
  const unsigned command = option.value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
  const char* value = option.value ? option.value->c_str() : nullptr;
  return !refused(outcome,
                  syscall(SYS_fsconfig, context.get(), command, option.key.c_str(), value, 0));
}

UniqueFd make_detached(Outcome& outcome, const UniqueFd& context, const NewMount& mount) {
  for (const MountOption& option : mount.options) {
    if (!configure(outcome, context, option)) return {};
  }
  if (refused(outcome,
              syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0)))
    return {};
  const long made = syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, mount.attributes);
  return refused(outcome, made) ? UniqueFd() : UniqueFd(static_cast<int>(made));
}

UniqueFd open_context(Outcome& outcome, const NewMount& mount) {
  const long context = syscall(SYS_fsopen, mount.type.c_str(), FSOPEN_CLOEXEC);
  return refused(outcome, context) ? UniqueFd() : UniqueFd(static_cast<int>(context));
}

UniqueFd make_detached(Outcome& outcome, const NewMount& mount) {
  const UniqueFd context = open_context(outcome, mount);
  return context.is_open() ? make_detached(outcome, context, mount) : UniqueFd();
}

Result<UniqueFd> make_own(const NewMount& mount) {
  Outcome outcome;
  UniqueFd made = make_detached(outcome, mount);
  if (!made.is_open()) return fail(outcome.answer);
  return made;
}

}  // namespace seccompagent
