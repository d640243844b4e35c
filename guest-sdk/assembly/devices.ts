// SPDX-License-Identifier: Apache-2.0
// Capability `devices`: device nodes that do nobody any harm.

import * as host from './abi/devices';
import { RESULT, bytesPointer, liftResult } from './abi/values';
import { Device } from './device';
import { Path } from './path';
import { Result } from './result';

/**
 * Makes a node as the caller, with CAP_MKNOD lent, which can be opened wherever it is. EPERM: it is
 * none of null, zero, full, random, urandom, tty, fuse and net/tun, nor the console for the host’s root.
 */
export function make(path: Path, mode: u32, device: Device): Result {
  host.make(bytesPointer(path.bytes), path.length, mode, device.major, device.minor, RESULT);
  return liftResult();
}
