// SPDX-License-Identifier: Apache-2.0
// The capability `clock`: guest-sdk/wit/clock.wit.
import { HostRequest } from '../../call/host.ts';
import { lazily } from '../capability.ts';
import type { Capability, CapabilityFunction } from '../capability.ts';

const now: CapabilityFunction = {
  signature: ':I',
  link: (guest, host, of) => {
    const request = lazily(() => new HostRequest(of));
    return (): bigint => {
      guest();
      const asked = request();
      host.call(asked);
      return asked.wide;
    };
  },
};

export const clock: Capability = {
  name: 'clock',
  functions: new Map([
    ['monotonic', now],
    ['wall', now],
  ]),
};
