// SPDX-License-Identifier: Apache-2.0
// Which tests run in which machine, by their paths in the folder of all tests.
import type { MachineArch } from './machine.ts';

export const testsOf: Readonly<Record<MachineArch, readonly string[]>> = {
  x64: [
    'vm/*.test.ts',
    // as they are where memory and devices are of version 2
    'integration/container-*.test.ts',
    // elsewhere version 1 may have the freezer
    'containers/held-containers.test.ts',
    // elsewhere the kernel may have no Yama
    'integration/guarded-callers.test.ts',
  ],
  // few, since each takes some ten times as long as elsewhere
  arm64: ['vm/arm64/*.test.ts'],
};

/**
 * The tests in C++ that run there: those of what the processor or its kernel does another way, but
 * for those that compare times.
 */
export const nativeTests = [
  'call_memory_test',
  'caller_state_test',
  'child_test',
  'kept_calls_test',
  'memory_test',
  'notify_test',
  'probe_test',
  'target_test',
  'wire_test',
] as const;

/** The programs of `compiled` that the tests start. */
export const programsOf: Readonly<Record<MachineArch, readonly string[]>> = {
  x64: ['asked-caller', 'directory-filler', 'guarded-caller', 'memory-hogs', 'trap.static'],
  arm64: ['trap.static'],
};

/** The compilers of this machine for the other one's programs. */
export const compilersOf: Readonly<Record<MachineArch, Readonly<Record<'CC' | 'CXX', string>>>> = {
  x64: { CC: 'x86_64-linux-gnu-gcc', CXX: 'x86_64-linux-gnu-g++' },
  arm64: { CC: 'aarch64-linux-gnu-gcc', CXX: 'aarch64-linux-gnu-g++' },
};
