// SPDX-License-Identifier: Apache-2.0
// Host of a handler whose container is observed: notes effects in the container.
import type { Host } from '../call/host.ts';
import { hostFunctions } from '../call/host-functions.ts';
import { actBit } from './decision-layout.ts';
import type { DecisionWriter } from './decision-writer.ts';

/** By the places of the functions in their table. */
const bits: readonly number[] = hostFunctions.map(({ act }) =>
  act === undefined ? 0 : actBit(act),
);

export function observed(next: Host, writer: DecisionWriter): Host {
  return {
    call(request) {
      writer.act(bits[request.of.index] ?? 0);
      return next.call(request);
    },
  };
}
