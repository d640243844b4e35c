// SPDX-License-Identifier: Apache-2.0
// The length of a file: `off_t`, which is signed. 32-bit calls have 32 bits, or 64 in two registers.
import { numberParameter } from './kind.ts';
import type { NumberKind, ParameterKind } from './kind.ts';

export const fileLengthKind: NumberKind = {
  name: 'file-length',
  type: 'number',
  form: { bits: 64, isSigned: true },
};

/** `compat_off_t`. */
export const fileLength32Kind: NumberKind = {
  name: 'file-length32',
  type: 'number',
  form: { bits: 32, isSigned: true },
};

/** The lower half; the next argument is the upper one. */
export const fileLengthPairKind: NumberKind = {
  name: 'file-length-pair',
  type: 'number',
  form: { bits: 64, isSigned: true, isPair: true },
};

export const s64Parameter: ParameterKind = numberParameter('s64', 'i64');
