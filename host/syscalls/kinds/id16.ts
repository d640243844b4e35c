// SPDX-License-Identifier: Apache-2.0
// A user or group of an old call: `old_uid_t`, the low 16 bits; 0xffff is -1.
import type { NumberKind } from './kind.ts';

export const id16Kind: NumberKind = {
  name: 'id16',
  type: 'number',
  form: { bits: 16, hasUnset: true },
};
