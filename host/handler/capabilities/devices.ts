// SPDX-License-Identifier: Apache-2.0
// The capability `devices`: guest-sdk/wit/devices.wit.
import type { Capability } from '../capability.ts';
import { operate } from './operating.ts';

export const devices: Capability = {
  name: 'devices',
  functions: new Map([['make', operate(['path', 'mode', 'device'])]]),
};
