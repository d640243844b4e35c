// SPDX-License-Identifier: Apache-2.0
// The capability `container`: guest-sdk/wit/container.wit.
import { resourceNumbers } from '../../native.ts';
import type { Capability, CapabilityFunction } from '../capability.ts';
import type { CallHost } from '../../call/call-host.ts';
import { intoResult, putRange, putText } from './into-result.ts';
import { beginValue, putErrnoResult, putError } from './results.ts';

const pairSize = 16;
const record = { size: resourceNumbers.length * 8, alignment: 8 } as const;

function acting(act: (host: CallHost) => number): CapabilityFunction {
  return intoResult((memory, result, host) => {
    putErrnoResult(memory, result, act(host));
  });
}

const id = intoResult((memory, result, { containerId }) => {
  putText(memory, result, containerId);
});

const annotations = intoResult((memory, result, host) => {
  const list = memory.allocateItems(host.annotations.length, pairSize, 4);
  host.annotations.forEach((pair, index) => {
    pair.forEach((text, half) => {
      putText(memory, list + index * pairSize + half * 8, text);
    });
  });
  putRange(memory, result, list, host.annotations.length);
});

/** result<resources, errno>: the record's numbers stand behind each other. */
const resources = intoResult((memory, result, host) => {
  const given = host.containerResources();
  if (typeof given === 'number') putError(memory, result, given, record);
  else memory.bytes.set(given, beginValue(memory, result, record));
});

export const container: Capability = {
  name: 'container',
  needsGrant: true,
  functions: new Map([
    ['id', id],
    ['annotations', annotations],
    ['get-resources', resources],
    ['kill', acting((host) => host.killContainer())],
    ['freeze', acting((host) => host.freezeContainer(true))],
    ['thaw', acting((host) => host.freezeContainer(false))],
  ]),
};
