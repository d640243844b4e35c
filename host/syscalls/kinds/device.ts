// SPDX-License-Identifier: Apache-2.0
// A device of mknod(2): `unsigned`, the low 32 bits, as major and minor.
import type { NumberKind, ParameterKind } from './kind.ts';

/** As new_encode_dev of the kernel has it. */
function encoded(text: string): bigint | undefined {
  const [, major, minor] = /^(\d+):(\d+)$/u.exec(text) ?? [];
  if (major === undefined || minor === undefined) return undefined;
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (low & 0xffn) | (high << 8n) | ((low & ~0xffn) << 12n);
}

export const deviceKind: NumberKind = {
  name: 'device',
  type: 'number',
  form: { bits: 32 },
  parse: encoded,
  example: '1:3',
};

export const deviceParameter: ParameterKind = {
  name: 'device',
  wit: 'device',
  author: 'Device',
  core: ['u32', 'u32'],
  lift: { from: 'abi/exports', name: 'liftDevice' },
  passed: { as: 'device' },
};
