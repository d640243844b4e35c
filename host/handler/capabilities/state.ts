// SPDX-License-Identifier: Apache-2.0
// The capability `state`: guest-sdk/wit/state.wit.
import { HostRequest } from '../../call/host.ts';
import { lazily } from '../capability.ts';
import type { Capability, CapabilityFunction } from '../capability.ts';
import { putErrnoResult, putS64Result } from './results.ts';
import type { Guest } from '../guest.ts';

/** Longer than any key is. */
const tooLong = 257;

function keyOf(guest: Guest, pointer: number, length: number): Uint8Array {
  return new TextEncoder().encode(guest.text(pointer, length, tooLong));
}

const get: CapabilityFunction = {
  signature: 'iii:',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (key: number, length: number, result: number): void => {
      const memory = guest();
      const asked = request();
      asked.key = keyOf(memory, key, length);
      const isFound = host.call(asked) === 1;
      const size = isFound ? asked.length : 0;
      const list = isFound ? memory.putBytes(asked.result, 0, size) : 0;
      const offset = memory.checked(result, 12, 4);
      memory.setU8(offset, isFound ? 1 : 0);
      memory.setU32(offset + 4, list);
      memory.setU32(offset + 8, size);
    };
  },
};

const set: CapabilityFunction = {
  signature: 'iiiii:',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (key: number, length: number, value: number, size: number, result: number): void => {
      const memory = guest();
      const asked = request();
      asked.key = keyOf(memory, key, length);
      const start = memory.checked(value, size >>> 0, 1);
      asked.value = memory.bytes.subarray(start, start + (size >>> 0));
      putErrnoResult(memory, result, host.call(asked));
    };
  },
};

const remove: CapabilityFunction = {
  signature: 'ii:i',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (key: number, length: number): number => {
      const memory = guest();
      const asked = request();
      asked.key = keyOf(memory, key, length);
      return host.call(asked);
    };
  },
};

const add: CapabilityFunction = {
  signature: 'iiIi:',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (key: number, length: number, amount: bigint, result: number): void => {
      const memory = guest();
      const asked = request();
      asked.key = keyOf(memory, key, length);
      asked.amount = amount;
      const errno = host.call(asked);
      putS64Result(memory, result, errno, asked.wide);
    };
  },
};

export const state: Capability = {
  name: 'state',
  functions: new Map([
    ['get', get],
    ['set', set],
    ['remove', remove],
    ['add', add],
  ]),
};
