// SPDX-License-Identifier: Apache-2.0
// A mode: `umode_t`, the low 16 bits.
import type { NumberKind } from './kind.ts';

export const modeKind: NumberKind = {
  name: 'mode',
  type: 'number',
  form: { bits: 16 },
  testableBits: 0xffff,
  sample: '0o755',
};
