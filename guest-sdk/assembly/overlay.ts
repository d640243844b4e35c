// SPDX-License-Identifier: Apache-2.0
// Capability `overlay`: the extended attributes of overlay file systems, with CAP_SYS_ADMIN lent.
//
// Names begin with `trusted.overlay.`, and files are the caller's own; all else fails with EPERM.

import * as host from './abi/overlay';
import { RESULT, bytesPointer, liftBytesResult, liftResult, viewPointer } from './abi/values';
import { Path } from './path';
import { Result, ResultOf } from './result';

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

/** The names of all that the caller may see and of those, each with a NUL behind it. */
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
