// SPDX-License-Identifier: Apache-2.0
// `struct open_how __user *` of openat2(2); its sizes are those that the kernel takes.
import { readKind } from '../../native.ts';
import { structBytes } from './kind.ts';
import type { PointerKind, StructField } from './kind.ts';

const fields: readonly StructField[] = [
  { name: 'flags', offset: 0, size: 8 },
  { name: 'mode', offset: 8, size: 8 },
  { name: 'resolve', offset: 16, size: 8 },
];

export const openHowKind: PointerKind = {
  name: 'open-how',
  type: 'pointer',
  read: readKind.openHow,
  memory: 'snapshot',
  fields,
  hasOnlyFields: true,
  sample: '{ flags: 0 }',
  map: {
    keys: fields.map(({ name }) => name),
    bytes: (given) => structBytes(24, fields, (name) => given.integer(name)),
  },
};

/** The flags are those of arm64. */
export const openHowOfArmKind: PointerKind = {
  ...openHowKind,
  name: 'open-how-arm64',
  fields: fields.map((field) => (field.name === 'flags' ? { ...field, isOfArm: true } : field)),
};
