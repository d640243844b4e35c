// SPDX-License-Identifier: Apache-2.0
// A number of 32 bits: `unsigned int`, flags of type `int`.
import { numberParameter } from './kind.ts';
import type { NumberKind, ParameterKind } from './kind.ts';

export const uintKind: NumberKind = {
  name: 'uint',
  type: 'number',
  form: { bits: 32 },
  testableBits: 0xffff_ffff,
};

export const u32Parameter: ParameterKind = numberParameter('u32', 'u32');
