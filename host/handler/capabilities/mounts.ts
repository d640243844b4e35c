// SPDX-License-Identifier: Apache-2.0
// The capability `mounts`: guest-sdk/wit/mounts.wit.
import { mountRange, operation, operationNumber } from '../../native.ts';
import type { Capability } from '../capability.ts';
import { errnoNumber } from '../../syscalls/errno.ts';
import type { Guest } from '../guest.ts';
import { OperationRequest } from '../operation-request.ts';
import { putErrnoResult } from './results.ts';

const absent = -1;
/** AT_RECURSIVE of <fcntl.h>. */
const recursive = 0x8000;
const ebadf = errnoNumber('EBADF');
const nothing = new Uint8Array(0);

/** Notes where a string is. */
function note(guest: Guest, ranges: Int32Array, at: number, text: readonly [number, number]): void {
  const [pointer, length] = text;
  ranges[at] = guest.checked(pointer, length >>> 0, 1);
  ranges[at + 1] = length;
}

/** The same for an option: its first value says whether it is there. */
function noteOption(
  guest: Guest,
  ranges: Int32Array,
  at: number,
  [isThere, pointer, length]: readonly [number, number, number],
): void {
  if (isThere === 0) ranges[at + 1] = absent;
  else note(guest, ranges, at, [pointer, length]);
}

export const mounts: Capability = {
  name: 'mounts',
  needsGrant: true,
  functions: new Map([
    [
      'mount',
      {
        signature: 'iiiiiiiiIiiii:',
        link:
          (guest, host) =>
          (
            hasSource: number,
            source: number,
            sourceLength: number,
            target: number,
            targetLength: number,
            hasType: number,
            type: number,
            typeLength: number,
            flags: bigint,
            hasData: number,
            data: number,
            dataLength: number,
            result: number,
          ): void => {
            const memory = guest();
            const ranges = new Int32Array(mountRange.count);
            noteOption(memory, ranges, mountRange.source, [hasSource, source, sourceLength]);
            note(memory, ranges, mountRange.target, [target, targetLength]);
            noteOption(memory, ranges, mountRange.type, [hasType, type, typeLength]);
            noteOption(memory, ranges, mountRange.data, [hasData, data, dataLength]);
            ranges[mountRange.flagsLow] = Number(BigInt.asIntN(32, flags));
            ranges[mountRange.flagsHigh] = Number(BigInt.asIntN(32, flags >> 32n));
            putErrnoResult(memory, result, host.mount(memory.bytes, ranges));
          },
      },
    ],
    [
      'unmount',
      {
        signature: 'iiii:',
        link: (guest, host) => {
          const request = new OperationRequest();
          return (pointer: number, length: number, flags: number, result: number): void => {
            const memory = guest();
            request.begin(operation.unmount);
            request.setText('path', memory.checked(pointer, length >>> 0, 1), length >>> 0);
            request.setNumber('own-flags', flags);
            const errno =
              request.check() ||
              host.operate(operation.unmount, memory.bytes, request.numbers, nothing);
            putErrnoResult(memory, result, errno);
          };
        },
      },
    ],
    [
      'unmount-sparing',
      {
        signature: 'iiiiii:',
        link: (guest, host) => {
          const request = new OperationRequest();
          return (
            pointer: number,
            length: number,
            flags: number,
            spared: number,
            sparedLength: number,
            result: number,
          ): void => {
            const memory = guest();
            request.begin(operation.unmount);
            request.setText('path', memory.checked(pointer, length >>> 0, 1), length >>> 0);
            const size = sparedLength >>> 0;
            request.setText('value', memory.checked(spared, size, 1), size);
            request.setNumber('own-flags', flags);
            const errno =
              request.check() ||
              host.operate(operation.unmount, memory.bytes, request.numbers, nothing);
            putErrnoResult(memory, result, errno);
          };
        },
      },
    ],
    [
      'set-attributes',
      {
        signature: 'iiiIIiii:',
        link: (guest, host) => {
          const request = new OperationRequest();
          return (
            pointer: number,
            length: number,
            isRecursive: number,
            set: bigint,
            clear: bigint,
            hasIdmap: number,
            idmap: number,
            result: number,
          ): void => {
            const memory = guest();
            request.begin(operation.setMountAttributes);
            request.setText('path', memory.checked(pointer, length >>> 0, 1), length >>> 0);
            request.setNumber('own-flags', isRecursive === 0 ? 0 : recursive);
            const { numbers } = request;
            numbers[operationNumber.first] = Number(BigInt.asIntN(32, set));
            numbers[operationNumber.second] = Number(BigInt.asIntN(32, set >> 32n));
            numbers[operationNumber.low] = Number(BigInt.asIntN(32, clear));
            numbers[operationNumber.high] = Number(BigInt.asIntN(32, clear >> 32n));
            if (hasIdmap !== 0) numbers[operationNumber.descriptor] = idmap;
            const errno =
              hasIdmap !== 0 && idmap < 0
                ? ebadf
                : request.check() ||
                  host.operate(operation.setMountAttributes, memory.bytes, numbers, nothing);
            putErrnoResult(memory, result, errno);
          };
        },
      },
    ],
  ]),
};
