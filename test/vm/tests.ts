// SPDX-License-Identifier: Apache-2.0
// Which tests run in which machine, by their paths in the folder of all tests.
import type { MachineArch } from './machine.ts';

export const testsOf: Readonly<Record<MachineArch, readonly string[]>> = {
  x64: ['vm/*.test.ts'],
  // few, since each takes some ten times as long as elsewhere
  arm64: ['vm/arm64/*.test.ts', 'native/unit.test.ts'],
};

/** The compilers of this machine for the other one's programs. */
export const compilersOf: Readonly<Record<MachineArch, Readonly<Record<'CC' | 'CXX', string>>>> = {
  x64: { CC: 'x86_64-linux-gnu-gcc', CXX: 'x86_64-linux-gnu-g++' },
  arm64: { CC: 'aarch64-linux-gnu-gcc', CXX: 'aarch64-linux-gnu-g++' },
};
