// SPDX-License-Identifier: Apache-2.0
// The capability `clock`: guest-sdk/wit/clock.wit.
import type { Capability } from '../capability.ts';

const millisecond = 1_000_000n;

export const clock: Capability = {
  name: 'clock',
  needsGrant: false,
  functions: new Map([
    [
      'monotonic',
      {
        signature: ':I',
        link: (guest) => (): bigint => {
          guest();
          return process.hrtime.bigint();
        },
      },
    ],
    [
      'wall',
      {
        signature: ':I',
        link: (guest) => (): bigint => {
          guest();
          return BigInt(Date.now()) * millisecond;
        },
      },
    ],
  ]),
};
