// SPDX-License-Identifier: Apache-2.0
// Tests where the names of system calls stand behind an inbox.
import { expect, test } from 'vitest';

import { placeName } from '../../host/handler/call-names.ts';
import { inboxPages, nameLayout } from '../../host/call/inbox-names.ts';
import type { StringEncoding } from '../../host/handler/component.ts';
import { inbox } from '../../host/native.ts';
import { syscallNumbers } from '../../host/syscalls/syscall-numbers.ts';
import { families } from '../../host/syscalls/syscall-table.ts';

const size = inboxPages * 65_536;

function nameAt(buffer: ArrayBuffer, place: number, encoding: StringEncoding): string {
  const length = new DataView(buffer).getUint32(place, true);
  const bytes = length * (encoding === 'utf16' ? 2 : 1);
  return new TextDecoder(encoding === 'utf16' ? 'utf-16le' : 'utf-8').decode(
    new Uint8Array(buffer, place + nameLayout.text, bytes),
  );
}

test('placeName: all names of both encodings stand beside each other', () => {
  const buffer = new ArrayBuffer(size);
  const encodings = ['utf8', 'utf16'] as const;
  const places = syscallNumbers.flatMap(([name]) =>
    encodings.map((encoding) => ({ name, encoding, place: placeName(buffer, name, encoding) })),
  );
  const read = places.map(({ place, encoding }) => nameAt(buffer, place, encoding));
  expect(read).toEqual(places.map(({ name }) => name));
});

test('placeName: the inbox is not touched', () => {
  const buffer = new ArrayBuffer(size);
  for (const [name] of syscallNumbers) placeName(buffer, name, 'utf16');
  expect(new Uint8Array(buffer, 0, inbox.size).every((byte) => byte === 0)).toBe(true);
});

test('placeName: a family has a place even if no call has its name', () => {
  const buffer = new ArrayBuffer(size);
  for (const family of families()) {
    expect(nameAt(buffer, placeName(buffer, family, 'utf16'), 'utf16')).toBe(family);
  }
});

test('placeName: a name has one place', () => {
  const buffer = new ArrayBuffer(size);
  expect(placeName(buffer, 'mkdirat', 'utf8')).toBe(placeName(buffer, 'mkdirat', 'utf8'));
});

test('placeName: a number without a system call has none', () => {
  expect(() => placeName(new ArrayBuffer(size), 'mkdi', 'utf8')).toThrow(RangeError);
});
