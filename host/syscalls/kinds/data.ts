// SPDX-License-Identifier: Apache-2.0
// Data that is not decoded: `const void __user *`; the capability `memory` reads it.
import { readKind } from '../../native.ts';
import type { PointerKind } from './kind.ts';

export const dataKind: PointerKind = {
  name: 'data',
  type: 'pointer',
  read: readKind.nothing,
  memory: 'data',
};
