// SPDX-License-Identifier: Apache-2.0
// The capability `container`: guest-sdk/wit/container.wit.
import type { CallHost, Capability, CapabilityFunction } from '../capability.ts';
import type { Guest } from '../guest.ts';
import { putErrnoResult } from './results.ts';

const pairSize = 16;

interface PlacedText {
  readonly pointer: number;
  readonly length: number;
}

function placeText(guest: Guest, text: string): PlacedText {
  const encoded = guest.encode(text);
  return { pointer: guest.putText(encoded), length: encoded.length };
}

function acting(act: (host: CallHost) => number): CapabilityFunction {
  return {
    signature: 'i:',
    link:
      (guest, host) =>
      (result: number): void => {
        const memory = guest();
        memory.requireCall();
        putErrnoResult(memory, result, act(host));
      },
  };
}

export const container: Capability = {
  name: 'container',
  needsGrant: true,
  functions: new Map<string, CapabilityFunction>([
    [
      'id',
      {
        signature: 'i:',
        link:
          (guest, host) =>
          (result: number): void => {
            const memory = guest();
            memory.requireCall();
            const { pointer, length } = placeText(memory, host.containerId);
            const offset = memory.checked(result, 8, 4);
            memory.setU32(offset, pointer);
            memory.setU32(offset + 4, length);
          },
      },
    ],
    [
      'annotations',
      {
        signature: 'i:',
        link:
          (guest, host) =>
          (result: number): void => {
            const memory = guest();
            memory.requireCall();
            const { annotations } = host;
            const list = memory.allocate(Math.max(annotations.length, 1) * pairSize, 4);
            annotations.forEach((pair, index) => {
              pair.forEach((text, half) => {
                const { pointer, length } = placeText(memory, text);
                const at = memory.checked(list + index * pairSize + half * 8, 8, 4);
                memory.setU32(at, pointer);
                memory.setU32(at + 4, length);
              });
            });
            const offset = memory.checked(result, 8, 4);
            memory.setU32(offset, list);
            memory.setU32(offset + 4, annotations.length);
          },
      },
    ],
    ['kill', acting((host) => host.killContainer())],
    ['freeze', acting((host) => host.freezeContainer(true))],
    ['thaw', acting((host) => host.freezeContainer(false))],
  ]),
};
