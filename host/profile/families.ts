// SPDX-License-Identifier: Apache-2.0
// Which system calls do the same: siblings of a family, and other ways around it.
import { familyMembers, syscallTable } from '../notification/syscall-table.ts';
import type { ArgumentKind } from '../notification/syscall-table.ts';
import { syscallNumbers } from '../notification/syscall-numbers.ts';

/** Families that do by other means what a family does. */
export const waysAround: Readonly<Record<string, readonly string[]>> = {
  // fsopen, fsmount and move_mount mount what mount(2) would not be asked for
  mount: ['mountapi'],
  // of clone(2) what makes namespaces; clone3(2) has its flags in memory, where no filter looks
  unshare: ['clone', 'clone3', 'setns'],
};

/**
 * Families that do to an open file what a family does to a path. Programs need them, so they are not
 * refused for its sake.
 */
export const byDescriptor: Readonly<Record<string, string>> = { chmod: 'fchmod', chown: 'fchown' };

export const ioUring: readonly string[] = ['io_uring_enter', 'io_uring_register', 'io_uring_setup'];

/** What a ring does without a system call of that name, see io_uring_enter(2). */
export const doneByIoUring: readonly string[] = [
  'getxattr',
  'link',
  'mkdir',
  'open',
  'rename',
  'setxattr',
  'symlink',
  'unlink',
];

export function isKnownCall(name: string): boolean {
  return syscallNumbers.some(([known]) => known === name);
}

/** Of version 2.6.0: runtimes with it pass over newer calls, as if the profile did not name them. */
const newestOfLibseccomp = 466;

/** All newer calls have the same number everywhere. */
export function isNewerThanLibseccomp(name: string): boolean {
  const [, number = -1] = syscallNumbers.find(([known]) => known === name) ?? [];
  return number > newestOfLibseccomp;
}

export function callNames(): readonly string[] {
  return syscallNumbers.map(([name]) => name);
}

export function familyOf(name: string): string {
  return syscallTable.find((row) => row.name === name)?.family ?? name;
}

export function siblingsOf(name: string): readonly string[] {
  return familyMembers(familyOf(name));
}

const addresses: readonly ArgumentKind[] = [
  'path',
  'source',
  'mount-data',
  'xattr-name',
  'xattr-value',
  'xattr-args',
  'xattr-room',
  'open-how',
  'result',
  'room',
  'data',
  'address',
];

/** The name of an argument that is an address; undefined: it is a number, or nobody knows. */
export function addressArgument(call: string, index: number): string | undefined {
  const argument = syscallTable.find((row) => row.name === call)?.arguments[index];
  return argument !== undefined && addresses.includes(argument.kind) ? argument.name : undefined;
}
