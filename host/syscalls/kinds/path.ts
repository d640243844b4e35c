// SPDX-License-Identifier: Apache-2.0
// A path: `const char __user *`, bytes without the NUL. Faults are the call's own error.
import { readKind } from '../../native.ts';
import { listParameter } from './kind.ts';
import type { ParameterKind, PointerKind } from './kind.ts';

/** A path of a scaffold's test case. */
export const samplePath = '/tmp/x';

export const pathKind: PointerKind = {
  name: 'path',
  type: 'pointer',
  read: readKind.path,
  memory: 'snapshot',
  isPath: true,
  sample: samplePath,
};

export const pathParameter: ParameterKind = listParameter(
  { name: 'path', wit: 'path', author: 'Path' },
  'liftPath',
);
