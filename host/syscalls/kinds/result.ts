// SPDX-License-Identifier: Apache-2.0
// A pointer to a struct that the call fills in: never read; the capability `memory` writes it.
import { readKind } from '../../native.ts';
import type { PointerKind } from './kind.ts';

export const resultKind: PointerKind = {
  name: 'result',
  type: 'pointer',
  read: readKind.nothing,
  memory: 'result',
};
