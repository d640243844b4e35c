// SPDX-License-Identifier: Apache-2.0
// A descriptor that the call acts on: `int`, the low 32 bits, signed.
import { numberParameter } from './kind.ts';
import type { NumberKind, ParameterKind } from './kind.ts';

export const fdKind: NumberKind = {
  name: 'fd',
  type: 'number',
  form: { bits: 32, isSigned: true },
  descriptor: 'object',
};

export const fdParameter: ParameterKind = numberParameter('s32', 'i32');
