// SPDX-License-Identifier: Apache-2.0
// Capability `filesystem`: file operations inside the caller's container, done as the caller.
//
// A relative path starts at the dirfd of the call being answered, a new path at its second dirfd.
// Flags are those of the system call that is named.

import * as host from './abi/filesystem';
import * as folders from './abi/folders';
import { liftLocatedResult } from './abi/located';
import {
  RESULT,
  bytesPointer,
  liftBytesResult,
  liftPathResult,
  liftResult,
  liftStatusResult,
  liftU32Result,
  viewPointer,
} from './abi/values';
import { Device } from './device';
import { FileStatus } from './file-status';
import { Located } from './located';
import { Path } from './path';
import { Result, ResultOf } from './result';

/** Makes a directory. */
export function mkdir(path: Path, mode: u32): Result {
  host.mkdir(bytesPointer(path.bytes), path.length, mode, RESULT);
  return liftResult();
}

/** Makes a file, a FIFO, a socket or a device node; the device counts for nodes only. */
export function mknod(path: Path, mode: u32, device: Device): Result {
  host.mknod(bytesPointer(path.bytes), path.length, mode, device.major, device.minor, RESULT);
  return liftResult();
}

/**
 * Opens a file for the host to hold, and gives its index. The mode counts where a file is made. What
 * was opened with O_PATH the caller can't be given. `resolveFlags` holds RESOLVE_* of openat2(2).
 *
 * ```ts
 * const opened = filesystem.open(path, flags, mode, resolve);
 * return opened.isOk ? Action.descriptor(opened.value, true) : opened.failure();
 * ```
 */
export function open(path: Path, flags: u64, mode: u32, resolveFlags: u64 = 0): ResultOf<u32> {
  host.open(bytesPointer(path.bytes), path.length, flags, mode, resolveFlags, RESULT);
  return liftU32Result();
}

/** Changes permissions, see fchmodat2(2). */
export function chmod(path: Path, mode: u32, flags: u32 = 0): Result {
  host.chmod(bytesPointer(path.bytes), path.length, mode, flags, RESULT);
  return liftResult();
}

/** Changes owner and group, see fchownat(2); 0xffffffff leaves one as it is. */
export function chown(path: Path, uid: u32, gid: u32, flags: u32 = 0): Result {
  host.chown(bytesPointer(path.bytes), path.length, uid, gid, flags, RESULT);
  return liftResult();
}

/** See renameat2(2). */
export function rename(path: Path, newPath: Path, flags: u32 = 0): Result {
  host.rename(
    bytesPointer(path.bytes),
    path.length,
    bytesPointer(newPath.bytes),
    newPath.length,
    flags,
    RESULT,
  );
  return liftResult();
}

/** Makes a new name of a file, see linkat(2). */
export function link(path: Path, newPath: Path, flags: u32 = 0): Result {
  host.link(
    bytesPointer(path.bytes),
    path.length,
    bytesPointer(newPath.bytes),
    newPath.length,
    flags,
    RESULT,
  );
  return liftResult();
}

/** Makes a symbolic link at `path` that holds this target. */
export function symlink(target: Path, path: Path): Result {
  host.symlink(
    bytesPointer(target.bytes),
    target.length,
    bytesPointer(path.bytes),
    path.length,
    RESULT,
  );
  return liftResult();
}

/** Removes a name; with AT_REMOVEDIR (0x200) that of an empty directory. */
export function unlink(path: Path, flags: u32 = 0): Result {
  host.unlink(bytesPointer(path.bytes), path.length, flags, RESULT);
  return liftResult();
}

/**
 * What a path of this call leads to. `perform`, and the functions here that are given this path, act on
 * just that from then on, wherever it is moved meanwhile.
 *
 * ```ts
 * const located = filesystem.resolve(path);
 * if (!located.isOk) return located.failure();
 * return located.value.isBelow('/etc') ? Action.fail(Errno.EPERM) : Action.perform();
 * ```
 */
export function resolve(path: Path): ResultOf<Located> {
  host.resolve(bytesPointer(path.bytes), path.length, RESULT);
  return liftLocatedResult();
}

/** The same of the call's new path. */
export function resolveNew(path: Path): ResultOf<Located> {
  host.resolveNew(bytesPointer(path.bytes), path.length, RESULT);
  return liftLocatedResult();
}

/** As `isBelow` of what was found, for what may fail. */
export function isBelow(path: Path, folder: string): ResultOf<bool> {
  return folders.isBelow(path, folder);
}

/** As `isAbove` of what was found, for what may fail. */
export function isAbove(path: Path, folder: string): ResultOf<bool> {
  return folders.isAbove(path, folder);
}

/** The status of a file, see statx(2). */
export function stat(path: Path, flags: u32 = 0): ResultOf<FileStatus> {
  host.stat(bytesPointer(path.bytes), path.length, flags, RESULT);
  return liftStatusResult();
}

/** The target of a symbolic link. */
export function readLink(path: Path): ResultOf<Path> {
  host.readLink(bytesPointer(path.bytes), path.length, RESULT);
  return liftPathResult();
}

/** The value of an extended attribute. */
export function getXattr(path: Path, flags: u32, name: Path): ResultOf<Uint8Array> {
  host.getXattr(
    bytesPointer(path.bytes),
    path.length,
    flags,
    bytesPointer(name.bytes),
    name.length,
    RESULT,
  );
  return liftBytesResult();
}

/** Sets an extended attribute; `flags` says how the path is meant, as in setxattrat(2). */
export function setXattr(
  path: Path,
  flags: u32,
  name: Path,
  value: Uint8Array,
  xattrFlags: u32 = 0,
): Result {
  host.setXattr(
    bytesPointer(path.bytes),
    path.length,
    flags,
    bytesPointer(name.bytes),
    name.length,
    viewPointer(value),
    value.length,
    xattrFlags,
    RESULT,
  );
  return liftResult();
}

/** The names of all extended attributes, each with a NUL behind it. */
export function listXattr(path: Path, flags: u32 = 0): ResultOf<Uint8Array> {
  host.listXattr(bytesPointer(path.bytes), path.length, flags, RESULT);
  return liftBytesResult();
}

/** Removes an extended attribute. */
export function removeXattr(path: Path, flags: u32, name: Path): Result {
  host.removeXattr(
    bytesPointer(path.bytes),
    path.length,
    flags,
    bytesPointer(name.bytes),
    name.length,
    RESULT,
  );
  return liftResult();
}
