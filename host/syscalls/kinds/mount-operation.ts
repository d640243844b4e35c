// SPDX-License-Identifier: Apache-2.0
// The call of the mount API: all are of one family, so that none is forgotten. No argument has it.
import type { ParameterKind } from './kind.ts';

export const mountOperationParameter: ParameterKind = {
  name: 'mount-operation',
  wit: 'mount-operation',
  author: 'MountOperation',
  core: ['i32'],
  lift: { from: 'abi/parameters', name: 'liftMountOperation' },
  passed: { as: 'number' },
};
