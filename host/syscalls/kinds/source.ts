// SPDX-License-Identifier: Apache-2.0
// A string that may be NULL: `char __user *`. One that is longer than PATH_MAX is EINVAL.
import { readKind } from '../../native.ts';
import { optionalListParameter } from './kind.ts';
import type { ParameterKind, PointerKind } from './kind.ts';
import { samplePath } from './path.ts';

export const sourceKind: PointerKind = {
  name: 'source',
  type: 'pointer',
  read: readKind.source,
  memory: 'snapshot',
  sample: samplePath,
};

export const optionalPathParameter: ParameterKind = optionalListParameter(
  { name: 'optional-path', wit: 'option<path>', author: 'Path | null' },
  'liftOptionalPath',
);

/** The same of utimensat(2), where NULL is the file of the call's descriptor. */
export const pathOrDescriptorParameter: ParameterKind = {
  ...optionalPathParameter,
  passed: { as: 'list', isOptional: true, isOfDescriptor: true },
};
