// SPDX-License-Identifier: Apache-2.0
// A descriptor that paths resolve against, implicitly: `int`.
import type { NumberKind } from './kind.ts';

/** AT_FDCWD of <fcntl.h>: the working directory. */
export const currentDirectory = -100;

export const dirfdKind: NumberKind = {
  name: 'dirfd',
  type: 'number',
  form: { bits: 32, isSigned: true },
  descriptor: 'base',
  absent: currentDirectory,
};
