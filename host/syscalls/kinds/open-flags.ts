// SPDX-License-Identifier: Apache-2.0
// Flags of open(2) of an arm64 caller: `int`, told as x86 has them.
import { movedFlags } from '../open-flags.ts';
import type { NumberKind } from './kind.ts';

export const openFlagsOfArmKind: NumberKind = {
  name: 'open-flags-arm64',
  type: 'number',
  form: { bits: 32, isOfArm: true },
  // a filter of a bundle is for all architectures
  testableBits: 0xffff_ffff - (movedFlags.low | movedFlags.high),
};
