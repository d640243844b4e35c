// SPDX-License-Identifier: Apache-2.0
// Keeps folders as they are: what a path leads to is found first, and the host acts on just that.

import {
  Action,
  Device,
  Errno,
  Located,
  NewTimes,
  O_ACCMODE,
  O_CREAT,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  Path,
  ResultOf,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  S_IFSOCK,
  filesystem,
  requireSettings,
  settingList,
} from '@seccompagent/guest-sdk';

export function configure(): string | null {
  const missing = requireSettings(['folders']);
  if (missing !== null) return missing;
  const folders = settingList('folders');
  for (let i = 0; i < folders.length; i++) {
    if (!folders[i].startsWith('/')) return `${folders[i]} is not an absolute path`;
  }
  return null;
}

/** Why it may not be changed, as the call's answer; null: it may. */
function refusal(found: ResultOf<Located>): Action | null {
  if (!found.isOk) return found.failure();
  const folders = settingList('folders');
  for (let i = 0; i < folders.length; i++) {
    if (found.value.isBelow(folders[i])) return Action.fail(Errno.EROFS);
  }
  return null;
}

/** The same of a name that is removed or replaced: the folder would go away with what is above it. */
function refusalToMove(found: ResultOf<Located>): Action | null {
  const refused = refusal(found);
  if (refused !== null) return refused;
  const folders = settingList('folders');
  for (let i = 0; i < folders.length; i++) {
    if (found.value.isAbove(folders[i])) return Action.fail(Errno.EBUSY);
  }
  return null;
}

function answer(refused: Action | null): Action {
  return refused === null ? Action.perform() : refused;
}

function change(path: Path): Action {
  return answer(refusal(filesystem.resolve(path)));
}

/** Of a call that has no path: what its descriptor stands for. */
function changeOpened(): Action {
  return change(Path.fromString(''));
}

/** Bytes go through it: a file system that is mounted read-only lets it be written to as well. */
function isPipeOrDevice(found: Located): bool {
  const kind = found.status.mode & S_IFMT;
  return kind == S_IFIFO || kind == S_IFSOCK || kind == S_IFCHR || kind == S_IFBLK;
}

export function open(path: Path, flags: u64, _mode: u32, _resolve: u64): Action {
  const isMade = (flags & O_CREAT) != 0;
  const isWritten =
    (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  if (!isMade && !isWritten) return Action.perform();
  const found = filesystem.resolve(path);
  // what is there already is only read
  if (found.isOk && !isWritten && found.value.exists) return Action.perform();
  if (found.isOk && isPipeOrDevice(found.value)) return Action.perform();
  return answer(refusal(found));
}

export function mkdir(path: Path, _mode: u32): Action {
  return change(path);
}

export function mknod(path: Path, _mode: u32, _device: Device): Action {
  return change(path);
}

export function symlink(target: Path, path: Path): Action {
  return change(path);
}

export function chmod(path: Path, _mode: u32, _flags: u32): Action {
  return change(path);
}

export function fchmod(_fd: i32, _mode: u32): Action {
  return changeOpened();
}

export function chown(path: Path, _uid: u32, _gid: u32, _flags: u32): Action {
  return change(path);
}

export function fchown(_fd: i32, _uid: u32, _gid: u32): Action {
  return changeOpened();
}

export function truncate(path: Path, _length: i64, _flags: u32): Action {
  return change(path);
}

export function utimens(path: Path | null, _times: NewTimes | null, _flags: u32): Action {
  return path === null ? changeOpened() : change(path);
}

export function setxattr(
  path: Path,
  _atFlags: u32,
  _name: Path,
  _value: Uint8Array,
  _flags: u32,
): Action {
  return change(path);
}

export function removexattr(path: Path, _atFlags: u32, _name: Path): Action {
  return change(path);
}

export function unlink(path: Path, _flags: u32): Action {
  return answer(refusalToMove(filesystem.resolve(path)));
}

export function rename(path: Path, newPath: Path, _flags: u32): Action {
  const refused = refusalToMove(filesystem.resolve(path));
  return refused === null ? answer(refusalToMove(filesystem.resolveNew(newPath))) : refused;
}

/** A file that has a name in a folder would change with its other name. */
export function link(path: Path, newPath: Path, _flags: u32): Action {
  const refused = refusal(filesystem.resolve(path));
  return refused === null ? answer(refusal(filesystem.resolveNew(newPath))) : refused;
}
