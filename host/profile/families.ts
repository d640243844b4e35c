// SPDX-License-Identifier: Apache-2.0
// System calls that do the same: siblings of a family, and other ways around it.
import { familyMembers, syscallTable } from '../syscalls/syscall-table.ts';
import { syscallNumbers } from '../syscalls/syscall-numbers.ts';
import { ringOperations } from './ring-operations.ts';

const socketCalls: readonly string[] = [
  'accept',
  'accept4',
  'bind',
  'connect',
  'getpeername',
  'getsockname',
  'getsockopt',
  'listen',
  'recv',
  'recvfrom',
  'recvmmsg',
  'recvmsg',
  'send',
  'sendmmsg',
  'sendmsg',
  'sendto',
  'setsockopt',
  'shutdown',
  'socket',
  'socketpair',
];

const ipcCalls: readonly string[] = [
  'msgctl',
  'msgget',
  'msgrcv',
  'msgsnd',
  'semctl',
  'semget',
  'semop',
  'semtimedop',
  'shmat',
  'shmctl',
  'shmdt',
  'shmget',
];

export const ioUring: readonly string[] = ['io_uring_enter', 'io_uring_register', 'io_uring_setup'];

/**
 * Takes descriptors of other processes. A runtime has the listener of what it executes in a container
 * for a moment, in a process that others in there see, and with CAP_SYS_PTRACE may take it from.
 */
export const descriptorTaker = 'pidfd_getfd';

/** Families that do by other means what a family does. */
const otherWays: Readonly<Record<string, readonly string[]>> = {
  // fsopen, fsmount and move_mount mount what mount(2) would not be asked for; a handle opens what a
  // mount hides, such as a mask
  mount: ['mountapi', 'open_by_handle_at'],
  umount: ['open_by_handle_at'],
  open: ['open_by_handle_at'],
  // of clone(2) what makes namespaces; clone3(2) has its flags in memory, where no filter looks
  unshare: ['clone', 'clone3', 'setns'],
};

/** Calls that `generate` makes fail for a family, and `lint` warns of where they pass. */
export function waysAround(family: string): readonly string[] {
  return [
    ...(otherWays[family] ?? []),
    // of old 32-bit ABIs: which call it is, is a number among the arguments
    ...(socketCalls.includes(family) ? ['socketcall'] : []),
    ...(ipcCalls.includes(family) ? ['ipc'] : []),
    ...(isDoneByIoUring(family) ? ioUring : []),
  ];
}

function isDoneByIoUring(family: string): boolean {
  return Object.values(ringOperations).some((calls) => calls.includes(family));
}

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

/** The name of an argument that is an address; undefined: it is a number, or nobody knows. */
export function addressArgument(call: string, index: number): string | undefined {
  const argument = syscallTable.find((row) => row.name === call)?.arguments[index];
  return argument?.kind.type === 'pointer' ? argument.name : undefined;
}
