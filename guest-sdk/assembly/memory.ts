// SPDX-License-Identifier: Apache-2.0
// Capability `memory`: what the pointers of the call being answered lead to. An argument is named by
// its place in the system call, 0 to 5.

import * as host from './abi/memory';
import { liftStringListResult } from './abi/string-list';
import { RESULT, liftBytesResult, liftResult, liftU64Result, viewPointer } from './abi/values';
import { Result, ResultOf } from './result';
import { StringList } from './string-list';

/** How many bytes an argument leads to: those that were read of it, or the room for a result. */
export function size(argument: u32): ResultOf<u64> {
  host.size(argument, RESULT);
  return liftU64Result();
}

/** Bytes behind a pointer, fewer where it ends; at most 65536 at once. */
export function read(argument: u32, offset: u64, length: u32): ResultOf<Uint8Array> {
  host.read(argument, offset, length, RESULT);
  return liftBytesResult();
}

/**
 * The strings of an argument that is a list of them: 1 and 2 of execve(2), 2 and 3 of execveat(2). At
 * most 1024 strings, 4096 bytes of each, and 65536 bytes in all, where a string takes 4 more. The caller
 * can change them until the kernel reads them: what is decided by them is advisory. EINVAL: the
 * argument is no such list.
 */
export function readStrings(argument: u32): ResultOf<StringList> {
  host.readStrings(argument, RESULT);
  return liftStringListResult();
}

/**
 * Writes a part of the call's result, at most 65536 bytes at once. EOPNOTSUPP: the container's
 * filter has no SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, or nobody knows, so a signal could end the
 * call meanwhile. EFAULT: not all of it can be written. ESRCH: the caller has been killed.
 */
export function write(argument: u32, offset: u64, bytes: Uint8Array): Result {
  host.write(argument, offset, viewPointer(bytes), bytes.length, RESULT);
  return liftResult();
}
