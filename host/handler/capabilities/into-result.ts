// SPDX-License-Identifier: Apache-2.0
// Functions without parameters whose result does not fit into a core value: the guest passes the
// address to write it to.
import { lazily } from '../capability.ts';
import type { CapabilityFunction } from '../capability.ts';
import { HostRequest } from '../../call/host.ts';
import type { Guest } from '../guest.ts';

/** @param put writes the output of the request, whose reply it gets */
export function intoResult(
  put: (memory: Guest, result: number, request: HostRequest, reply: number) => void,
): CapabilityFunction {
  return {
    signature: 'i:',
    link: (guest, host, of) => {
      const request = lazily(() => new HostRequest(of));
      return (result: number): void => {
        const memory = guest();
        const asked = request();
        put(memory, result, asked, host.call(asked));
      };
    },
  };
}

/** Writes a list or string: its address and length. */
export function putRange(memory: Guest, at: number, pointer: number, length: number): void {
  const offset = memory.checked(at, 8, 4);
  memory.setU32(offset, pointer);
  memory.setU32(offset + 4, length);
}

export function putText(memory: Guest, at: number, text: string): void {
  const encoded = memory.encode(text);
  putRange(memory, at, memory.putText(encoded), encoded.length);
}
