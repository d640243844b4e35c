// SPDX-License-Identifier: Apache-2.0
// Changes owners where the caller may, and says that it has where the caller may not.

import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  Action,
  Errno,
  Path,
  Result,
  filesystem,
} from '@seccompagent/guest-sdk';

/** An id that stays as it is. */
const SAME: u32 = 0xffffffff;

/** With AT_EMPTY_PATH, what the call's descriptor stands for. */
const ofDescriptor = Path.fromString('');

export function chown(path: Path, uid: u32, gid: u32, flags: u32): Action {
  // with others the kernel refuses the call, and that is no matter of ids
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return Action.fail(Errno.EINVAL);
  return change(path, uid, gid, flags).toAction();
}

export function fchown(_fd: i32, uid: u32, gid: u32): Action {
  return change(ofDescriptor, uid, gid, AT_EMPTY_PATH).toAction();
}

/** Both ids, or as many as the caller may change. */
function change(path: Path, uid: u32, gid: u32, flags: u32): Result {
  const both = filesystem.chown(path, uid, gid, flags);
  if (!isRefusal(both)) return both;
  if (uid != SAME && gid != SAME) {
    const owner = filesystem.chown(path, uid, SAME, flags);
    if (!owner.isOk && !isRefusal(owner)) return owner;
    const group = filesystem.chown(path, SAME, gid, flags);
    if (!group.isOk && !isRefusal(group)) return group;
  }
  return Result.ok();
}

/** It is not permitted, or the caller's user namespace has no such id. */
function isRefusal(result: Result): bool {
  return !result.isOk && (result.errno == Errno.EPERM || result.errno == Errno.EINVAL);
}
