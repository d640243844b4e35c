// SPDX-License-Identifier: Apache-2.0
// The capability `clock`: guest-sdk/wit/clock.wit.
import type { Capability } from '../capability.ts';

export const clock: Capability = {
  name: 'clock',
  needsGrant: false,
  functions: new Map([
    [
      'monotonic',
      {
        signature: ':I',
        link: (guest, host) => (): bigint => {
          guest();
          return host.monotonicNs();
        },
      },
    ],
    [
      'wall',
      {
        signature: ':I',
        link: (guest, host) => (): bigint => {
          guest();
          return host.wallNs();
        },
      },
    ],
  ]),
};
