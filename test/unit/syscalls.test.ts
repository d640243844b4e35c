// SPDX-License-Identifier: Apache-2.0
// Tests how calls are found by architecture and number, and which of their pointers are read.
import { expect, test } from 'vitest';

import { arches, argumentCount, numbersPerArch, readKind } from '../../host/native.ts';
import { syscallNumbers } from '../../host/notification/syscall-numbers.ts';
import { Syscalls } from '../../host/notification/syscalls.ts';

const syscalls = new Syscalls();
const index = { x86_64: 0, i386: 1, x32: 2, arm64: 3, unknown: 4 } as const;

test.for([
  ['x86_64', 83, 'mkdir'],
  ['i386', 39, 'mkdir'],
  ['x32', 83, 'mkdir'],
  ['x86_64', 39, 'getpid'],
  ['arm64', 34, 'mkdirat'],
  ['i386', 21, 'mount'],
  ['x32', 520, 'execve'],
  ['arm64', 452, 'fchmodat2'],
] as const)('K19: syscalls: %s %i is %s', ([arch, number, name]) => {
  expect(syscalls.find(index[arch], number)?.name).toBe(name);
});

test('K19: syscalls: every number of every architecture is found', () => {
  const wrong = syscallNumbers.flatMap(([name, ...numbers]) =>
    numbers.filter(
      (number, arch) => number >= 0 && syscalls.find(arch, number) !== syscalls.byName(name),
    ),
  );
  expect(wrong).toEqual([]);
});

test.for([
  ['an unknown architecture', 4, 83],
  ['a number that nobody has', 0, 1000],
  ['the first number behind the table', 0, numbersPerArch],
  ['the number -1', 0, 0xffff_ffff],
  ['a number of x32 with its bit', 0, 0x4000_0053],
] as const)('K19: syscalls: %s is unknown', ([, arch, number]) => {
  expect(syscalls.find(arch, number)).toBeUndefined();
});

test('syscalls: a call is the same object on every architecture', () => {
  expect(syscalls.find(index.x86_64, 83)).toBe(syscalls.byName('mkdir'));
  expect(syscalls.find(index.i386, 39)).toBe(syscalls.byName('mkdir'));
});

test('syscalls: a name that is none is not found', () => {
  for (const name of ['', 'mkdirr', 'constructor']) {
    expect(syscalls.byName(name)).toBeUndefined();
  }
});

test('syscalls: a call that is not decoded is a family of its own', () => {
  expect(syscalls.byName('getpid')).toEqual({
    name: 'getpid',
    family: 'getpid',
    arguments: [],
    parameters: [],
    dirfdIndex: -1,
  });
});

test('syscalls: siblings have the parameters of the family where they have them', () => {
  expect(syscalls.byName('chmod')?.parameters).toEqual([
    { kind: 'path', index: 0 },
    { kind: 'mode', index: 1 },
    { kind: 'uint', index: -1 },
  ]);
  expect(syscalls.byName('fchmodat2')?.parameters).toEqual([
    { kind: 'path', index: 1 },
    { kind: 'mode', index: 2 },
    { kind: 'uint', index: 3 },
  ]);
  expect(syscalls.byName('chmod')?.dirfdIndex).toBe(-1);
  expect(syscalls.byName('fchmodat2')?.dirfdIndex).toBe(0);
});

test('syscalls: only a flag may be missing in a sibling', () => {
  // the host has 0 for a flag that is not there, and nothing for a path
  const missing = syscallNumbers.flatMap(([name]) =>
    (syscalls.byName(name)?.parameters ?? []).filter(({ index: at }) => at < 0),
  );
  expect(new Set(missing.map(({ kind }) => kind))).toEqual(new Set(['uint']));
});

/** How the arguments of a call are read. */
function kindsOf(arch: number, number: number): readonly number[] {
  const at = (arch * numbersPerArch + number) * argumentCount;
  return [...syscalls.readKinds().subarray(at, at + argumentCount)];
}

test('syscalls: the table of read kinds covers every architecture', () => {
  const { nothing, path, source, mountData } = readKind;
  expect(syscalls.readKinds()).toHaveLength(arches.length * numbersPerArch * argumentCount);
  expect(kindsOf(index.x86_64, 83)).toEqual([path, nothing, nothing, nothing, nothing, nothing]);
  expect(kindsOf(index.arm64, 34)).toEqual([nothing, path, nothing, nothing, nothing, nothing]);
  expect(kindsOf(index.i386, 21)).toEqual([source, path, source, nothing, mountData, nothing]);
  expect(kindsOf(index.x86_64, 39)).toEqual([0, 0, 0, 0, 0, 0]);
});

test('syscalls: a read set has a byte for each call', () => {
  const set = syscalls.readSet(({ family }) => family === 'mkdir');
  expect(set).toHaveLength(arches.length * numbersPerArch);
  const places = [...set.keys()].filter((place) => set[place] === 1);
  expect(places).toEqual([
    83,
    258,
    numbersPerArch + 39,
    numbersPerArch + 296,
    2 * numbersPerArch + 83,
    2 * numbersPerArch + 258,
    3 * numbersPerArch + 34,
  ]);
  expect(set.every((byte) => byte <= 1)).toBe(true);
});
