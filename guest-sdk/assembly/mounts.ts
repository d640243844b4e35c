// SPDX-License-Identifier: Apache-2.0
// Capability `mounts`: mounts inside the caller's container, with the Linux capability that takes.

import * as host from './abi/mounts';
import { RESULT, bytesPointer, liftResult, viewPointer } from './abi/values';
import { Path } from './path';
import { Result } from './result';

/**
 * Mounts a new file system. Flags of bind, remount, move and propagation are refused with EINVAL. Over
 * directories that the caller neither owns nor may write (or that are somebody else's and sticky)
 * power is not lent: EPERM, unless it could mount there itself.
 */
export function mount(
  source: Path | null,
  target: Path,
  filesystemType: Path | null,
  flags: u64,
  data: Uint8Array | null,
): Result {
  host.mount(
    source !== null,
    source === null ? 0 : bytesPointer(source.bytes),
    source === null ? 0 : source.length,
    bytesPointer(target.bytes),
    target.length,
    filesystemType !== null,
    filesystemType === null ? 0 : bytesPointer(filesystemType.bytes),
    filesystemType === null ? 0 : filesystemType.length,
    flags,
    data !== null,
    data === null ? 0 : viewPointer(data),
    data === null ? 0 : data.length,
    RESULT,
  );
  return liftResult();
}

/** Takes a mount away, see umount2(2). */
export function unmount(target: Path, flags: u32 = 0): Result {
  host.unmount(bytesPointer(target.bytes), target.length, flags, RESULT);
  return liftResult();
}

/**
 * The same, but nobody takes away what may hide something of proc or sysfs, nor what is at, below or
 * above one of these paths: EPERM. They have to be values of a setting of the type `paths`, and stand
 * for what they led to before the container's own program ran; for any other, all is EPERM.
 */
export function unmountSparing(target: Path, flags: u32, spared: string[]): Result {
  let names = Path.fromString('');
  for (let i = 0; i < spared.length; i++) names = names.concat(spared[i] + '\0');
  host.unmountSparing(
    bytesPointer(target.bytes),
    target.length,
    flags,
    bytesPointer(names.bytes),
    names.length,
    RESULT,
  );
  return liftResult();
}

/**
 * Changes attributes of a mount (`MOUNT_ATTR_*`), and of those below it if asked. `idmap` is the
 * index of a descriptor that stands for a user namespace, or -1: no id mapping.
 */
export function setAttributes(
  path: Path,
  isRecursive: bool,
  set: u64,
  clear: u64,
  idmap: i64 = -1,
): Result {
  host.setAttributes(
    bytesPointer(path.bytes),
    path.length,
    isRecursive,
    set,
    clear,
    idmap >= 0,
    <u32>idmap,
    RESULT,
  );
  return liftResult();
}
