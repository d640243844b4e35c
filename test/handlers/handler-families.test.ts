// SPDX-License-Identifier: Apache-2.0
// Which calls of the kernel the shipped handlers answer: whoever forgets a sibling has answered none.
import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { loadComponent } from '../../host/handler/direct.ts';
import { familyMembers } from '../../host/syscalls/syscall-table.ts';
import { shippedComponent } from '../support/handler-harness.ts';

/** By handler: all calls that do what it is about. */
const calls: Readonly<Record<string, readonly string[]>> = {
  'chown-fake': 'chown lchown fchownat fchown chown32 lchown32 fchown32'.split(' '),
  'mknod-safe': ['mknod', 'mknodat'],
  sysinfo: ['sysinfo'],
  'setxattr-overlay': [
    'setxattr lsetxattr fsetxattr setxattrat',
    'getxattr lgetxattr fgetxattr getxattrat',
    'listxattr llistxattr flistxattr listxattrat',
    'removexattr lremovexattr fremovexattr removexattrat',
  ].flatMap((family) => family.split(' ')),
};

test.for(Object.entries(calls))('K21: %s answers each of its calls', ([name, expected]) => {
  const { answers } = loadComponent(readFileSync(shippedComponent(name)));
  const answered = answers.flatMap((family) => familyMembers(family));
  expect(answered.toSorted()).toEqual(expected.toSorted());
});

test('K21: umount-guard answers umount, and all that changes mounts', () => {
  const { answers } = loadComponent(readFileSync(shippedComponent('umount-guard')));
  expect(answers).toEqual(['umount', 'any']);
  expect(familyMembers('umount').toSorted()).toEqual(['umount', 'umount2']);
});

test('K21: mount answers mount, and all calls that mount by descriptors', () => {
  const { answers } = loadComponent(readFileSync(shippedComponent('mount')));
  expect(answers).toEqual(['mount', 'any']);
  expect(familyMembers('mountapi').toSorted()).toEqual([
    'fsconfig',
    'fsmount',
    'fsopen',
    'fspick',
    'mount_setattr',
    'move_mount',
    'open_tree',
    'open_tree_attr',
  ]);
});
