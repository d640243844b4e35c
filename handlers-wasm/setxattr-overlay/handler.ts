// SPDX-License-Identifier: Apache-2.0
// Extended attributes of overlay file systems for callers that the kernel would not let.

import { Action, Errno, Path, Result, memory, overlay } from '@seccompagent/guest-sdk';

/** Of a value: a redirection is a path. */
const MOST_BYTES: i32 = 4096;

const prefix = Path.fromString('trusted.overlay.');

/**
 * All names but those: with the caller's own power. So is what can't be read with lent power, such as of
 * somebody else's file: the kernel says ENODATA there.
 */
function judgedByKernel(): Action {
  // sound: whatever the kernel reads, nothing is lent
  return Action.continue();
}

export function setxattr(
  path: Path,
  atFlags: u32,
  name: Path,
  value: Uint8Array,
  flags: u32,
): Action {
  if (!name.startsWith(prefix)) return judgedByKernel();
  if (value.length > MOST_BYTES) return Action.fail(Errno.E2BIG);
  return judged(overlay.setXattr(path, atFlags, name, value, flags));
}

export function getxattr(path: Path, atFlags: u32, name: Path, size: u64): Action {
  if (!name.startsWith(prefix)) return judgedByKernel();
  const value = overlay.getXattr(path, atFlags, name);
  return value.isOk ? give(value.value, size, [2, 4]) : judgedByKernel();
}

/** With the names that the kernel shows to administrators only, where there are any. */
export function listxattr(path: Path, atFlags: u32, size: u64): Action {
  const names = overlay.listXattr(path, atFlags);
  if (!names.isOk || !hasOverlayName(names.value)) return judgedByKernel();
  return give(names.value, size, [1, 3]);
}

/** Each name has a NUL behind it. */
function hasOverlayName(names: Uint8Array): bool {
  let start = 0;
  for (let end = 0; end < names.length; end++) {
    if (names[end] != 0) continue;
    if (isOverlayName(names, start, end)) return true;
    start = end + 1;
  }
  return false;
}

function isOverlayName(names: Uint8Array, start: i32, end: i32): bool {
  if (end - start < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) {
    if (names[start + i] != prefix.at(i)) return false;
  }
  return true;
}

export function removexattr(path: Path, atFlags: u32, name: Path): Action {
  if (!name.startsWith(prefix)) return judgedByKernel();
  return judged(overlay.removeXattr(path, atFlags, name));
}

/** Without a grant, the kernel decides, as for a caller with the power itself. */
function judged(done: Result): Action {
  return !done.isOk && done.errno == Errno.EPERM ? judgedByKernel() : done.toAction();
}

/**
 * The call's result: written where the call has room for it, in the place of its arguments where it is
 * without a dirfd, or with one. A size of 0 asks how many bytes there are.
 */
function give(bytes: Uint8Array, size: u64, places: u32[]): Action {
  if (size == 0) return Action.value(bytes.length);
  if (<u64>bytes.length > size) return Action.fail(Errno.ERANGE);
  if (bytes.length == 0) return Action.value(0);
  let written = memory.write(places[0], 0, bytes);
  // that argument is no room
  if (!written.isOk && written.errno == Errno.EINVAL) written = memory.write(places[1], 0, bytes);
  return written.isOk ? Action.value(bytes.length) : Action.fail(written.errno);
}
