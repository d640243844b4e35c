// SPDX-License-Identifier: Apache-2.0
// The capability `devices`: guest-sdk/wit/devices.wit.
import { operation } from '../../native.ts';
import type { Capability } from '../capability.ts';
import { operate } from './operating.ts';

export const devices: Capability = {
  name: 'devices',
  needsGrant: true,
  functions: new Map([
    ['make', operate(operation.mknod, ['path', 'mode', 'device'], 'nothing', 'lent')],
  ]),
};
