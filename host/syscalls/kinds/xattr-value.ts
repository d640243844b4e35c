// SPDX-License-Identifier: Apache-2.0
// The value of an extended attribute: `const void __user *`, as many bytes as the next argument says;
// more than 64 KiB are E2BIG.
import { readKind } from '../../native.ts';
import { listParameter } from './kind.ts';
import type { ParameterKind, PointerKind } from './kind.ts';

export const xattrValueKind: PointerKind = {
  name: 'xattr-value',
  type: 'pointer',
  read: readKind.xattrValue,
  memory: 'snapshot',
  secretFrom: 0,
  sample: 'x',
};

export const bytesParameter: ParameterKind = listParameter(
  { name: 'bytes', wit: 'list<u8>', author: 'Uint8Array' },
  'liftBytes',
);
