// SPDX-License-Identifier: Apache-2.0
// The name of an extended attribute: `const char __user *`; none or more than 255 bytes are ERANGE.
import { readKind } from '../../native.ts';
import type { PointerKind } from './kind.ts';

export const xattrNameKind: PointerKind = {
  name: 'xattr-name',
  type: 'pointer',
  read: readKind.xattrName,
  memory: 'snapshot',
  sample: 'user.x',
};
