// SPDX-License-Identifier: Apache-2.0
// Tests how calls are found by architecture and number, and which of their pointers are read.
import { expect, test } from 'vitest';

import { arches, argumentCount, numbersPerArch, readKind } from '../../host/native.ts';
import type { ParameterSource } from '../../host/syscalls/parameter-source.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { Syscalls } from '../../host/syscalls/syscalls.ts';

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
    numbers.filter((number, arch) => number >= 0 && syscalls.find(arch, number)?.name !== name),
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

test('K19: syscalls: a call that has other arguments elsewhere is another one there', () => {
  const old = syscalls.find(index.i386, 182);
  expect(old).toMatchObject({ name: 'chown', key: 'chown i386', family: 'chown' });
  expect(old?.arguments.map(({ kind }) => kind.name)).toEqual(['path', 'id16', 'id16']);
  const other = syscalls.find(index.x86_64, 92);
  expect(other).toMatchObject({ name: 'chown', key: 'chown', family: 'chown' });
  expect(other?.arguments.map(({ kind }) => kind.name)).toEqual(['path', 'uint', 'uint']);
  expect(syscalls.find(index.i386, 212)?.name).toBe('chown32');
});

test('syscalls: a name that is none is not found', () => {
  for (const name of ['', 'mkdirr', 'constructor']) {
    expect(syscalls.byName(name)).toBeUndefined();
  }
});

test('syscalls: a call that is not decoded is a family of its own', () => {
  expect(syscalls.byName('getpid')).toEqual({
    name: 'getpid',
    key: 'getpid',
    family: 'getpid',
    arguments: [],
    parameters: [],
    dirfdIndex: -1,
    secondDirfdIndex: -1,
    isOfDescriptor: false,
    followed: [],
  });
});

/** Where a call has the parameters of its family. */
function sourcesOf(name: string): readonly ParameterSource[] {
  return syscalls.byName(name)?.parameters.map(({ source }) => source) ?? [];
}

const none: ParameterSource = { from: 'constant', value: 0 };

test('syscalls: siblings have the parameters of the family where they have them', () => {
  expect(sourcesOf('chmod')).toEqual([
    { from: 'bytes', index: 0, skip: 0, whenNull: 'fault' },
    { from: 'register', index: 1, form: { bits: 16 } },
    none,
  ]);
  expect(sourcesOf('fchmodat2')).toEqual([
    { from: 'bytes', index: 1, skip: 0, whenNull: 'fault' },
    { from: 'register', index: 2, form: { bits: 16 } },
    { from: 'register', index: 3, form: { bits: 32 } },
  ]);
  expect(syscalls.byName('chmod')?.dirfdIndex).toBe(-1);
  expect(syscalls.byName('fchmodat2')?.dirfdIndex).toBe(0);
});

test('syscalls: parameters may be fields of a struct, or what a call always means', () => {
  expect(sourcesOf('openat2').slice(1)).toEqual([
    { from: 'field', index: 2, offset: 0, size: 8 },
    { from: 'field', index: 2, offset: 8, size: 8 },
    { from: 'field', index: 2, offset: 16, size: 8 },
  ]);
  expect(sourcesOf('creat')[1]).toEqual({ from: 'constant', value: 0o1101 });
  expect(sourcesOf('rmdir')[1]).toEqual({ from: 'constant', value: 0x200 });
  expect(sourcesOf('setxattrat').slice(3)).toEqual([
    { from: 'bytes', index: 4, skip: 8, whenNull: 'fault' },
    { from: 'field', index: 4, offset: 0, size: 4 },
  ]);
  expect(sourcesOf('getxattrat')[3]).toEqual({ from: 'field', index: 4, offset: 8, size: 4 });
  expect(sourcesOf('fsetxattr').slice(0, 2)).toEqual([none, { from: 'constant', value: 0x1000 }]);
});

function pathOf(name: string): ParameterSource | undefined {
  return sourcesOf(name)[0];
}

/** Its pointers as the kernel follows them. */
function followedOf(name: string): readonly number[] | undefined {
  return syscalls.byName(name)?.followed.map(({ index: argument }) => argument);
}

test('syscalls: NULL is a value, a fault, or the file of the descriptor', () => {
  const whenNull = { descriptor: 0 };
  expect(pathOf('utimensat')).toEqual({ from: 'bytes', index: 1, skip: 0, whenNull });
  expect(pathOf('futimesat')).toEqual({ from: 'bytes', index: 1, skip: 0, whenNull });
  expect(pathOf('utimes')).toEqual({ from: 'bytes', index: 0, skip: 0, whenNull: 'fault' });
  expect(pathOf('mount')).toEqual({ from: 'bytes', index: 0, skip: 0, whenNull: 'value' });
});

test('syscalls: pointers stand in the order in which the kernel follows them', () => {
  expect(followedOf('utimensat')).toEqual([2, 1]);
  expect(followedOf('utime')).toEqual([1, 0]);
  expect(followedOf('mount')).toEqual([0, 1, 2, 4]);
});

test('syscalls: ftruncate means the file of its descriptor', () => {
  expect(sourcesOf('ftruncate')[2]).toEqual({ from: 'constant', value: 0x1000 });
  expect(sourcesOf('truncate')[2]).toEqual(none);
});

test('syscalls: a call with two paths has two places where they start', () => {
  const places = ['rename', 'renameat2', 'symlinkat', 'move_mount', 'fchown', 'fsetxattr'].map(
    (name) => {
      const syscall = syscalls.byName(name);
      return [syscall?.dirfdIndex, syscall?.secondDirfdIndex];
    },
  );
  expect(places).toEqual([
    [-1, -1],
    [0, 2],
    [1, -1],
    [0, 2],
    [0, -1],
    [0, -1],
  ]);
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

test('syscalls: some take a descriptor and no path', () => {
  const all = 'fchmod fchown fsetxattr fgetxattr flistxattr fremovexattr'.split(' ');
  for (const name of all) expect(syscalls.byName(name)?.isOfDescriptor).toBe(true);
  for (const name of ['chmod', 'fchownat', 'setxattrat', 'mount', 'execveat', 'getpid'])
    expect(syscalls.byName(name)?.isOfDescriptor).toBe(false);
});
