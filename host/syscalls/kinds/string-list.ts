// SPDX-License-Identifier: Apache-2.0
// Strings behind pointers, with a NULL behind the last one: `const char __user *const __user *`. They
// are followed only where a handler asks for them.
import { readKind } from '../../native.ts';
import type { PointerKind } from './kind.ts';

export const stringListKind: PointerKind = {
  name: 'string-list',
  type: 'pointer',
  read: readKind.nothing,
  memory: 'strings',
};
