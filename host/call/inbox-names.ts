// SPDX-License-Identifier: Apache-2.0
// Places of the names of system calls, behind the inbox and in its memory.
import { inbox } from '../native.ts';
import { syscallNumbers } from '../syscalls/syscall-numbers.ts';
import { families } from '../syscalls/syscall-table.ts';

/** A name: its length in the units of its encoding, then its text. */
export const nameLayout = { text: 4, utf8: 0, utf16: 48, size: 128 } as const;

const pageSize = 65_536;

export const firstName: number = Math.ceil(inbox.size / 8) * 8;

/** Those of calls and of families: few of these have a name that no call has. */
export const callNames: readonly string[] = [
  ...new Set([...syscallNumbers.map(([name]) => name), ...families()]),
];

/** Pages of the memory that holds an inbox and the names. */
export const inboxPages: number = Math.ceil(
  (firstName + callNames.length * nameLayout.size) / pageSize,
);
