// SPDX-License-Identifier: Apache-2.0
// Pointers to pointers and the like, which are never followed.
import { readKind } from '../../native.ts';
import type { PointerKind } from './kind.ts';

export const addressKind: PointerKind = {
  name: 'address',
  type: 'pointer',
  read: readKind.nothing,
  memory: 'none',
};
