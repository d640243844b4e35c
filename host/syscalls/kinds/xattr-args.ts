// SPDX-License-Identifier: Apache-2.0
// `struct xattr_args __user *` of setxattrat(2), with the value that it leads to.
import { readKind } from '../../native.ts';
import { structBytes } from './kind.ts';
import type { PointerKind, StructField } from './kind.ts';

/** As the addon leaves it: flags, size, and then the value. */
const flags: StructField = { name: 'flags', offset: 0, size: 4 };
const size: StructField = { name: 'size', offset: 4, size: 4 };
const valueOffset = 8;

export const xattrArgsKind: PointerKind = {
  name: 'xattr-args',
  type: 'pointer',
  read: readKind.xattrArgs,
  memory: 'snapshot',
  skip: valueOffset,
  // the size is that of the value, which handlers have
  fields: [flags],
  secretFrom: valueOffset,
  sample: '{ value: x }',
  map: {
    keys: ['value', 'flags'],
    bytes: (given) => {
      const value = given.bytes('value');
      const bytes = structBytes(valueOffset + value.length, [flags, size], (name) =>
        name === 'size' ? BigInt(value.length) : given.integer(name),
      );
      bytes.set(value, valueOffset);
      return bytes;
    },
  },
};
