// SPDX-License-Identifier: Apache-2.0
// Room for what the call gives: `void __user *`; the next argument is its size. The capability
// `memory` writes it.
import { readKind } from '../../native.ts';
import type { PointerKind } from './kind.ts';

export const roomKind: PointerKind = {
  name: 'room',
  type: 'pointer',
  read: readKind.nothing,
  memory: 'room',
};
