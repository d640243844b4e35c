// SPDX-License-Identifier: Apache-2.0
// Capability `mounts`: mounts inside the caller's container, with the Linux capability that takes.

import * as host from './abi/mounts';
import { RESULT, bytesPointer, liftResult, viewPointer } from './abi/values';
import { Path } from './path';
import { Result } from './result';

/** Mounts a new file system. Flags of bind, remount, move and propagation are refused with EINVAL. */
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
