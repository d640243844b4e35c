// SPDX-License-Identifier: Apache-2.0
// Options of a mount: `void __user *`, may be NULL; at most a page, up to the first NUL.
import { readKind } from '../../native.ts';
import { optionalListParameter } from './kind.ts';
import type { ParameterKind, PointerKind } from './kind.ts';

export const mountDataKind: PointerKind = {
  name: 'mount-data',
  type: 'pointer',
  read: readKind.mountData,
  memory: 'snapshot',
  // passwords
  secretFrom: 0,
};

export const optionalBytesParameter: ParameterKind = optionalListParameter(
  { name: 'optional-bytes', wit: 'option<list<u8>>', author: 'Uint8Array | null' },
  'liftOptionalBytes',
);
