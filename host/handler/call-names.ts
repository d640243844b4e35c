// SPDX-License-Identifier: Apache-2.0
// The names of system calls where trampolines copy them from: behind the inbox, in its memory.
import { inbox } from '../native.ts';
import { syscallNumbers } from '../syscalls/syscall-numbers.ts';
import { families } from '../syscalls/syscall-table.ts';
import type { StringEncoding } from './component.ts';
import { encodeText } from './guest.ts';

/** A name: its length in the units of its encoding, then its text. */
export const nameLayout = { text: 4, utf8: 0, utf16: 48, size: 128 } as const;

const pageSize = 65_536;
const firstName = Math.ceil(inbox.size / 8) * 8;

/** Those of calls and of families: few of these have a name that no call has. */
const callNames: readonly string[] = [
  ...new Set([...syscallNumbers.map(([name]) => name), ...families()]),
];

/** Pages of the memory that holds an inbox and the names. */
export const inboxPages: number = Math.ceil(
  (firstName + callNames.length * nameLayout.size) / pageSize,
);

/**
 * Writes a name of the table; its place. Each name has one, so that to write it again changes
 * nothing for other instances.
 */
export function placeName(buffer: ArrayBuffer, text: string, encoding: StringEncoding): number {
  const row = callNames.indexOf(text);
  if (row < 0) throw new RangeError(`there is no system call ${text}`);
  const isWide = encoding === 'utf16';
  const place = firstName + row * nameLayout.size + (isWide ? nameLayout.utf16 : nameLayout.utf8);
  const { bytes, length } = encodeText(text, encoding);
  const limit = isWide ? nameLayout.size - nameLayout.utf16 : nameLayout.utf16 - nameLayout.utf8;
  if (nameLayout.text + bytes.length > limit) throw new RangeError(`the name ${text} is too long`);
  new DataView(buffer).setUint32(place, length, true);
  new Uint8Array(buffer).set(bytes, place + nameLayout.text);
  return place;
}
