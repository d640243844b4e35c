// SPDX-License-Identifier: Apache-2.0
// The capability `overlay`: guest-sdk/wit/overlay.wit.
import { operation } from '../../native.ts';
import type { Capability } from '../capability.ts';
import { operate } from './operating.ts';

export const overlay: Capability = {
  name: 'overlay',
  needsGrant: true,
  functions: new Map([
    ['get-xattr', operate(operation.getXattr, ['path', 'at-flags', 'name'], 'bytes', 'lent')],
    [
      'set-xattr',
      operate(
        operation.setXattr,
        ['path', 'at-flags', 'name', 'value', 'xattr-flags'],
        'nothing',
        'lent',
      ),
    ],
    ['list-xattr', operate(operation.listXattr, ['path', 'at-flags'], 'bytes', 'lent')],
    [
      'remove-xattr',
      operate(operation.removeXattr, ['path', 'at-flags', 'name'], 'nothing', 'lent'),
    ],
  ]),
};
