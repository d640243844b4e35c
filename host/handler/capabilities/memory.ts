// SPDX-License-Identifier: Apache-2.0
// The capability `memory`: guest-sdk/wit/memory.wit.
import type { Capability } from '../capability.ts';
import { errnoNumber } from '../../syscalls/errno.ts';
import { mostOperationBytes } from '../operation-request.ts';
import { errnoOf, putBytesResult, putErrnoResult, putS64Result } from './results.ts';

const einval = errnoNumber('EINVAL');

export const memory: Capability = {
  name: 'memory',
  needsGrant: true,
  functions: new Map([
    [
      'size',
      {
        signature: 'ii:',
        link:
          (guest, host) =>
          (argument: number, result: number): void => {
            const own = guest();
            const size = host.argumentSize(argument >>> 0);
            putS64Result(own, result, size < 0n ? Number(-size) : 0, size);
          },
      },
    ],
    [
      'read',
      {
        signature: 'iIii:',
        link:
          (guest, host) =>
          (argument: number, offset: bigint, length: number, result: number): void => {
            const own = guest();
            const room = host.resultRoom().subarray(0, Math.min(length >>> 0, mostOperationBytes));
            const got = host.readArgument(argument >>> 0, BigInt.asUintN(64, offset), room);
            putBytesResult(own, result, errnoOf(got), room.subarray(0, Math.max(got, 0)));
          },
      },
    ],
    [
      'write',
      {
        signature: 'iIiii:',
        link:
          (guest, host) =>
          (
            argument: number,
            offset: bigint,
            pointer: number,
            length: number,
            result: number,
          ): void => {
            const own = guest();
            const size = length >>> 0;
            const start = own.checked(pointer, size, 1);
            const bytes = own.bytes.subarray(start, start + size);
            const errno =
              size > mostOperationBytes
                ? einval
                : host.writeArgument(argument >>> 0, BigInt.asUintN(64, offset), bytes);
            putErrnoResult(own, result, errno);
          },
      },
    ],
  ]),
};
