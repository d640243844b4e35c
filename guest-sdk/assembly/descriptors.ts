// SPDX-License-Identifier: Apache-2.0
// Capability `descriptors`: those of the caller, and such as the host holds for the call being
// answered, which are named by an index.

import * as host from './abi/descriptors';
import { RESULT, liftI32Result, liftResult, liftStatusResult, liftU32Result } from './abi/values';
import { FileStatus } from './file-status';
import { Result, ResultOf } from './result';

/** The index of a copy of what the caller has open under this number. */
export function take(fd: i32): ResultOf<u32> {
  host.take(fd, RESULT);
  return liftU32Result();
}

/**
 * Gives the caller a copy: its number there. To make it the call's result, answer with
 * `Action.descriptor` instead.
 */
export function install(descriptor: u32, closeOnExec: bool): ResultOf<i32> {
  host.install(descriptor, closeOnExec, RESULT);
  return liftI32Result();
}

/** Gives the caller a copy under this number, in place of what it has there. */
export function replace(descriptor: u32, fd: i32, closeOnExec: bool): Result {
  host.replace(descriptor, fd, closeOnExec, RESULT);
  return liftResult();
}

/** The status of the open file, see fstat(2). */
export function stat(descriptor: u32): ResultOf<FileStatus> {
  host.stat(descriptor, RESULT);
  return liftStatusResult();
}
