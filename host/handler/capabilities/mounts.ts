// SPDX-License-Identifier: Apache-2.0
// The capability `mounts`: guest-sdk/wit/mounts.wit.
import { mountRange } from '../../native.ts';
import type { Capability } from '../capability.ts';
import type { Guest } from '../guest.ts';
import { putErrnoResult } from './errno-result.ts';

const absent = -1;

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
            memory.requireCall();
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
  ]),
};
