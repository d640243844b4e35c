// SPDX-License-Identifier: Apache-2.0
// Capability `filesystem`: file operations inside the caller's container, done as the caller.

import * as host from './abi/filesystem';
import { RESULT, bytesPointer, liftResult } from './abi/values';
import { Path } from './path';
import { Result } from './result';

/** Makes a directory. A relative path starts at the dirfd of the call being answered. */
export function mkdir(path: Path, mode: u32): Result {
  host.mkdir(bytesPointer(path.bytes), path.length, mode, RESULT);
  return liftResult();
}
