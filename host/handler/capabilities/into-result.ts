// SPDX-License-Identifier: Apache-2.0
// Functions that take nothing and whose result does not fit into a core value: the guest says where it
// wants it.
import type { CapabilityFunction } from '../capability.ts';
import type { CallHost } from '../../call/call-host.ts';
import type { Guest } from '../guest.ts';

export function intoResult(
  put: (memory: Guest, result: number, host: CallHost) => void,
): CapabilityFunction {
  return {
    signature: 'i:',
    link:
      (guest, host) =>
      (result: number): void => {
        put(guest(), result, host);
      },
  };
}

/** A list or string: where it is, and how long. */
export function putRange(memory: Guest, at: number, pointer: number, length: number): void {
  const offset = memory.checked(at, 8, 4);
  memory.setU32(offset, pointer);
  memory.setU32(offset + 4, length);
}

export function putText(memory: Guest, at: number, text: string): void {
  const encoded = memory.encode(text);
  putRange(memory, at, memory.putText(encoded), encoded.length);
}
