// SPDX-License-Identifier: Apache-2.0
// The capability `overlay`: guest-sdk/wit/overlay.wit.
import type { Capability } from '../capability.ts';
import { operate } from './operating.ts';

export const overlay: Capability = {
  name: 'overlay',
  functions: new Map([
    ['get-xattr', operate(['path', 'at-flags', 'name'], 'bytes')],
    ['set-xattr', operate(['path', 'at-flags', 'name', 'value', 'xattr-flags'])],
    ['list-xattr', operate(['path', 'at-flags'], 'bytes')],
    ['remove-xattr', operate(['path', 'at-flags', 'name'])],
  ]),
};
