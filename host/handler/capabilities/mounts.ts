// SPDX-License-Identifier: Apache-2.0
// The capability `mounts`: guest-sdk/wit/mounts.wit.
import { HostRequest } from '../../call/host.ts';
import { mountRange, operationNumber } from '../../native.ts';
import { lazily } from '../capability.ts';
import type { Capability, CapabilityFunction } from '../capability.ts';
import { errnoNumber } from '../../syscalls/errno.ts';
import type { Guest } from '../guest.ts';
import { OperationRequest } from '../operation-request.ts';
import { operate } from './operating.ts';
import { putErrnoResult } from './results.ts';

const absent = -1;
/** AT_RECURSIVE of <fcntl.h>. */
const recursive = 0x8000;
const ebadf = errnoNumber('EBADF');

/** Writes the place of a string. */
function note(guest: Guest, ranges: Int32Array, at: number, text: readonly [number, number]): void {
  const [pointer, length] = text;
  ranges[at] = guest.checked(pointer, length >>> 0, 1);
  ranges[at + 1] = length;
}

/** The same for an option, whose first value is 0 where it is absent. */
function noteOption(
  guest: Guest,
  ranges: Int32Array,
  at: number,
  [isThere, pointer, length]: readonly [number, number, number],
): void {
  if (isThere === 0) ranges[at + 1] = absent;
  else note(guest, ranges, at, [pointer, length]);
}

const mount: CapabilityFunction = {
  signature: 'iiiiiiiiIiiii:',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of, new Int32Array(mountRange.count)));
    return (
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
      const asked = request();
      const ranges = asked.numbers;
      ranges.fill(0);
      noteOption(memory, ranges, mountRange.source, [hasSource, source, sourceLength]);
      note(memory, ranges, mountRange.target, [target, targetLength]);
      noteOption(memory, ranges, mountRange.type, [hasType, type, typeLength]);
      noteOption(memory, ranges, mountRange.data, [hasData, data, dataLength]);
      ranges[mountRange.flagsLow] = Number(BigInt.asIntN(32, flags));
      ranges[mountRange.flagsHigh] = Number(BigInt.asIntN(32, flags >> 32n));
      asked.memory = memory.bytes;
      putErrnoResult(memory, result, host.call(asked));
    };
  },
};

const setAttributes: CapabilityFunction = {
  signature: 'iiiIIiii:',
  link: (guest, host, of) => {
    const request = lazily(() => new OperationRequest(of));
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
      const asked = request();
      asked.begin();
      asked.setText('path', memory.checked(pointer, length >>> 0, 1), length >>> 0);
      asked.setNumber('own-flags', isRecursive === 0 ? 0 : recursive);
      const { numbers } = asked;
      numbers[operationNumber.first] = Number(BigInt.asIntN(32, set));
      numbers[operationNumber.second] = Number(BigInt.asIntN(32, set >> 32n));
      numbers[operationNumber.low] = Number(BigInt.asIntN(32, clear));
      numbers[operationNumber.high] = Number(BigInt.asIntN(32, clear >> 32n));
      if (hasIdmap !== 0) numbers[operationNumber.descriptor] = idmap;
      asked.memory = memory.bytes;
      const errno = hasIdmap !== 0 && idmap < 0 ? ebadf : asked.check() || host.call(asked);
      putErrnoResult(memory, result, errno);
    };
  },
};

export const mounts: Capability = {
  name: 'mounts',
  functions: new Map([
    ['mount', mount],
    ['unmount', operate(['path', 'own-flags'])],
    ['unmount-sparing', operate(['path', 'own-flags', 'value'])],
    ['set-attributes', setAttributes],
  ]),
};
