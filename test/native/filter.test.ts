// SPDX-License-Identifier: Apache-2.0
// Tests the notify filters that the addon assembles, in a machine of our own.
import { expect, test } from 'vitest';

import { loadNative } from '../../host/native.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { auditArch, trappedCalls } from '../../host/syscalls/trapped-calls.ts';
import { FilterMachine, maxInstructions } from '../support/filter-machine.ts';

const { x86_64, i386, arm64 } = auditArch;
const riscv64 = 0xc000_00f3;
const x32Bit = 0x4000_0000;
const enosys = { kind: 'errno', number: 38 };
const allow = { kind: 'allow' };
const notify = { kind: 'notify' };

const native = loadNative();

/** @param pairs of architecture and number */
function filterOf(pairs: readonly (readonly [number, number])[]): FilterMachine {
  const bytes = new Uint8Array(Uint32Array.from(pairs.flat()).buffer);
  return new FilterMachine(native.filterBytes(bytes));
}

function filterFor(names: readonly string[], arch: string): FilterMachine {
  return new FilterMachine(native.filterBytes(trappedCalls(names, arch)));
}

test('filter: the given calls are notified and all others are allowed', () => {
  const filter = filterOf([
    [x86_64, 83],
    [x86_64, 258],
  ]);
  for (let number = 0; number < 600; number += 1) {
    expect(filter.judge(x86_64, number)).toEqual([83, 258].includes(number) ? notify : allow);
  }
});

test('K19: filter: calls of an architecture that nobody knows fail with ENOSYS', () => {
  const filter = filterFor(['mkdir'], 'x64');
  for (const arch of [riscv64, 0, 0xffff_ffff, x86_64 ^ 1]) {
    for (const number of [0, 83, 39]) expect(filter.judge(arch, number)).toEqual(enosys);
  }
});

test('K19: filter: each architecture has its own numbers', () => {
  const filter = filterFor(['mkdir'], 'x64');
  expect(filter.judge(x86_64, 83)).toEqual(notify);
  expect(filter.judge(x86_64, 39)).toEqual(allow);
  expect(filter.judge(i386, 39)).toEqual(notify);
  expect(filter.judge(i386, 83)).toEqual(allow);
});

test('K19: filter: x32 is told by its bit', () => {
  const filter = filterFor(['execve'], 'x64');
  expect(filter.judge(x86_64, x32Bit + 520)).toEqual(notify);
  expect(filter.judge(x86_64, 520)).toEqual(allow);
  expect(filter.judge(x86_64, x32Bit + 59)).toEqual(allow);
  expect(filter.judge(i386, x32Bit + 520)).toEqual(allow);
});

test('filter: the number -1 and the largest one are like others', () => {
  const filter = filterOf([[x86_64, 0xffff_ffff]]);
  expect(filter.judge(x86_64, -1)).toEqual(notify);
  expect(filter.judge(x86_64, 0)).toEqual(allow);
  expect(filterFor(['mkdir'], 'x64').judge(x86_64, -1)).toEqual(allow);
});

test.for(['x64', 'arm64'])('filter: every call of %s fits, and each is notified', (arch) => {
  const filter = filterFor(
    syscallNumbers.map(([name]) => name),
    arch,
  );
  expect(filter.length).toBeLessThanOrEqual(maxInstructions);
  const allowed = syscallNumbers.flatMap(([name, forX64, forI386, forX32, forArm64]) =>
    [
      { audit: x86_64, number: forX64, bit: 0, on: 'x64' },
      { audit: x86_64, number: forX32, bit: x32Bit, on: 'x64' },
      { audit: i386, number: forI386, bit: 0, on: 'x64' },
      { audit: arm64, number: forArm64, bit: 0, on: 'arm64' },
    ]
      .filter(({ on, number }) => on === arch && number >= 0)
      .filter(({ audit, number, bit }) => filter.judge(audit, number + bit).kind !== 'notify')
      .map(({ audit }) => [name, audit]),
  );
  expect(allowed).toEqual([]);
  expect(filter.judge(arch === 'arm64' ? arm64 : x86_64, 1023)).toEqual(allow);
});

test('filter: the most instructions of the kernel are taken, one more is refused', () => {
  // the load, the answer for other architectures, and four more for each known one
  const max = (maxInstructions - 2 - 3 * 4) / 2;
  const pairs = Array.from({ length: max }, (_, number) => [x86_64, number] as const);
  const filter = filterOf(pairs);
  expect(filter.length).toBe(maxInstructions);
  expect(filter.judge(x86_64, max - 1)).toEqual(notify);
  expect(filter.judge(x86_64, max)).toEqual(allow);
  expect(filter.judge(i386, 0)).toEqual(allow);
  expect(() => filterOf([...pairs, [x86_64, max]])).toThrow(
    expect.objectContaining({ code: 'E2BIG' }),
  );
});

test('filter: an architecture that comes twice is judged by its first part', () => {
  // pairs have to stand together, as trappedCalls gives them
  const filter = filterOf([
    [x86_64, 1],
    [i386, 2],
    [x86_64, 3],
  ]);
  expect(filter.judge(x86_64, 1)).toEqual(notify);
  expect(filter.judge(x86_64, 3)).toEqual(allow);
});

test('K19: filter: a call that only 32-bit programs have leaves 64-bit programs alone', () => {
  const filter = filterFor(['socketcall'], 'x64');
  expect(filter.judge(i386, 102)).toEqual(notify);
  // execve
  expect(filter.judge(x86_64, 59)).toEqual(allow);
});

test('K19: filter: a call that 32-bit programs lack leaves them alone', () => {
  const filter = filterFor(['accept'], 'x64');
  expect(filter.judge(x86_64, 43)).toEqual(notify);
  // execve
  expect(filter.judge(i386, 11)).toEqual(allow);
});

test('filter: a call that a machine lacks altogether leaves its programs alone', () => {
  // mkdir; arm64 has mkdirat only
  expect(filterFor(['mkdir'], 'arm64').judge(arm64, 221)).toEqual(allow);
});
