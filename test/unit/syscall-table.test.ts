// SPDX-License-Identifier: Apache-2.0
// Tests the table of decoded syscalls against what the kernel has.

import { expect, test } from 'vitest';

import { syscallNumbers } from '../../host/notification/syscall-numbers.ts';
import {
  families,
  familyMembers,
  familyParameters,
  syscallTable,
} from '../../host/notification/syscall-table.ts';

const kernelNames = syscallNumbers.map(([name]) => name);

test('syscall-table: every row names a syscall, once', () => {
  const names = syscallTable.map((row) => row.name);
  expect(names.filter((name) => !kernelNames.includes(name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
});

test('syscall-table: a family is one word', () => {
  for (const family of families()) expect(family).toMatch(/^[a-z][a-z0-9]*$/);
});

test('syscall-table: no syscall has more than six arguments', () => {
  for (const row of syscallTable) expect(row.arguments.length).toBeLessThanOrEqual(6);
});

test('syscall-table: argument names are labels of WIT and differ within a row', () => {
  for (const row of syscallTable) {
    const names = row.arguments.map((argument) => argument.name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/);
  }
});

test('syscall-table: a family has all siblings that take a path', () => {
  expect(familyMembers('mkdir')).toEqual(['mkdir', 'mkdirat']);
  expect(familyMembers('chmod')).toEqual(['chmod', 'fchmodat', 'fchmodat2']);
  expect(familyMembers('mount')).toEqual(['mount']);
});

test('syscall-table: no `at` sibling of a family is forgotten', () => {
  for (const family of families()) {
    const sibling = new RegExp(`^(${family}|f?${family}at)[0-9]*$`);
    const siblings = kernelNames.filter((name) => sibling.test(name));
    expect(familyMembers(family)).toEqual(expect.arrayContaining(siblings));
  }
});

test('syscall-table: the rows of a family differ by dirfd and trailing parameters alone', () => {
  for (const row of syscallTable) {
    const shown = row.arguments.filter((argument) => argument.kind !== 'dirfd');
    expect(familyParameters(row.family).slice(0, shown.length)).toEqual(shown);
  }
});

test('familyParameters: those of the longest row, without the dirfd', () => {
  expect(familyParameters('chmod').map((argument) => argument.name)).toEqual([
    'path',
    'mode',
    'flags',
  ]);
  expect(familyParameters('mkdir').map((argument) => argument.name)).toEqual(['path', 'mode']);
});

test('familyParameters: a family without rows has none', () => {
  expect(familyParameters('getpid')).toEqual([]);
});

test('familyMembers: a syscall without a row is a family of its own', () => {
  expect(familyMembers('getpid')).toEqual(['getpid']);
});

test('families: each stands once', () => {
  expect(families()).toEqual([...new Set(syscallTable.map((row) => row.family))]);
});
