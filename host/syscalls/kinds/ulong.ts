// SPDX-License-Identifier: Apache-2.0
// A number of a register's size: `unsigned long`, `size_t`; 64 bits, 32 in 32-bit calls.
import { numberParameter } from './kind.ts';
import type { NumberKind, ParameterKind } from './kind.ts';

export const ulongKind: NumberKind = { name: 'ulong', type: 'number', form: { bits: 64 } };

export const u64Parameter: ParameterKind = numberParameter('u64', 'u64');
