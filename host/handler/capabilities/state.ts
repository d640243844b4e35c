// SPDX-License-Identifier: Apache-2.0
// The capability `state`: guest-sdk/wit/state.wit.
import type { Capability } from '../capability.ts';
import { putErrnoResult, putS64Result } from './results.ts';
import type { Guest } from '../guest.ts';

/** Longer than any key is. */
const tooLong = 257;

function keyOf(guest: Guest, pointer: number, length: number): Uint8Array {
  return new TextEncoder().encode(guest.text(pointer, length, tooLong));
}

export const state: Capability = {
  name: 'state',
  needsGrant: true,
  functions: new Map([
    [
      'get',
      {
        signature: 'iii:',
        link:
          (guest, host) =>
          (key: number, length: number, result: number): void => {
            const memory = guest();
            const value = host.stateGet(keyOf(memory, key, length));
            const list = value === undefined ? 0 : memory.putBytes(value, 0, value.length);
            const offset = memory.checked(result, 12, 4);
            memory.setU8(offset, value === undefined ? 0 : 1);
            memory.setU32(offset + 4, list);
            memory.setU32(offset + 8, value?.length ?? 0);
          },
      },
    ],
    [
      'set',
      {
        signature: 'iiiii:',
        link:
          (guest, host) =>
          (key: number, length: number, value: number, size: number, result: number): void => {
            const memory = guest();
            const name = keyOf(memory, key, length);
            const start = memory.checked(value, size >>> 0, 1);
            const bytes = memory.bytes.subarray(start, start + (size >>> 0));
            putErrnoResult(memory, result, host.stateSet(name, bytes));
          },
      },
    ],
    [
      'remove',
      {
        signature: 'ii:i',
        link:
          (guest, host) =>
          (key: number, length: number): number => {
            const memory = guest();
            return host.stateRemove(keyOf(memory, key, length)) ? 1 : 0;
          },
      },
    ],
    [
      'add',
      {
        signature: 'iiIi:',
        link: (guest, host) => {
          const number = new BigInt64Array(1);
          const bytes = new Uint8Array(number.buffer);
          return (key: number, length: number, amount: bigint, result: number): void => {
            const memory = guest();
            number[0] = amount;
            const errno = host.stateAdd(keyOf(memory, key, length), bytes);
            putS64Result(memory, result, errno, number[0]);
          };
        },
      },
    ],
  ]),
};
