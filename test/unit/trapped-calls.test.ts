// SPDX-License-Identifier: Apache-2.0
// Tests which numbers a filter traps for the names of calls.
import { expect, test } from 'vitest';

import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { auditArch, trappedCalls } from '../../host/syscalls/trapped-calls.ts';
import { failure } from '../support/failures.ts';

const { x86_64, i386, arm64 } = auditArch;
const x32Bit = 0x4000_0000;

/** Pairs of architecture and number. */
function pairsOf(names: readonly string[], arch: string): readonly (readonly [number, number])[] {
  const bytes = trappedCalls(names, arch);
  const numbers = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return Array.from({ length: numbers.length / 2 }, (_, index) => [
    numbers[2 * index] ?? 0,
    numbers[2 * index + 1] ?? 0,
  ]);
}

test('K19: trappedCalls: on x64 a call is trapped for 64-bit, x32 and 32-bit programs', () => {
  expect(pairsOf(['mkdir', 'mkdirat'], 'x64')).toEqual([
    [x86_64, 83],
    [x86_64, 258],
    [x86_64, x32Bit + 83],
    [x86_64, x32Bit + 258],
    [i386, 39],
    [i386, 296],
  ]);
});

test('K19: trappedCalls: x32 has numbers of its own for some calls', () => {
  expect(pairsOf(['execve'], 'x64')).toEqual([
    [x86_64, 59],
    [x86_64, x32Bit + 520],
    [i386, 11],
  ]);
});

test('trappedCalls: on arm64 there are arm64 programs only', () => {
  expect(pairsOf(['mkdir', 'mkdirat', 'fchmodat2'], 'arm64')).toEqual([
    [arm64, 34],
    [arm64, 452],
  ]);
});

test('trappedCalls: pairs of an architecture stand together', () => {
  const archesInOrder = pairsOf(
    syscallNumbers.map(([name]) => name),
    'x64',
  ).map(([arch]) => arch);
  expect(archesInOrder.lastIndexOf(x86_64)).toBe(archesInOrder.indexOf(i386) - 1);
});

test('trappedCalls: no calls are no pairs', () => {
  expect(trappedCalls([])).toHaveLength(0);
});

test.for(['mkdirr', '', 'constructor', 'MKDIR', 'mkdir '])(
  'trappedCalls: "%s" is no system call',
  (name) => {
    expect(() => trappedCalls(['mkdir', name])).toThrow(failure('AGENT_USAGE', `"${name}"`));
  },
);
