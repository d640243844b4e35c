// SPDX-License-Identifier: Apache-2.0
// Tests the reader of the WebAssembly binary format.
import { expect, test } from 'vitest';

import { BinaryReader } from '../../host/handler/binary-reader.ts';
import { failure } from '../support/failures.ts';
import { unsigned } from '../support/wasm-binary.ts';

/** Of a reader that came so far. */
function malformedAt(byte: number): unknown {
  return failure('AGENT_COMPONENT_INVALID', new RegExp(String.raw`\b${byte}\b`, 'u'));
}

function readerOf(...bytes: readonly number[]): BinaryReader {
  return new BinaryReader(Uint8Array.from(bytes));
}

test.for([0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])(
  'BinaryReader: %i is read as it was written',
  (value) => {
    const reader = readerOf(...unsigned(value));
    expect(reader.u32()).toBe(value);
    expect(reader.isAtEnd).toBe(true);
  },
);

test('BinaryReader: a number may be written longer than needed, in five bytes', () => {
  expect(readerOf(0x81, 0x80, 0x80, 0x80, 0x00).u32()).toBe(1);
});

test.for([
  ['more than 32 bits', [0xff, 0xff, 0xff, 0xff, 0x10], 5],
  ['six bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 5],
  ['no end', [0x80, 0x80], 2],
  ['nothing', [], 0],
] as const)('BinaryReader: a number of %s is refused', ([, bytes, at]) => {
  expect(() => readerOf(...bytes).u32()).toThrow(malformedAt(at));
});

test('BinaryReader: a part ends where it was told to', () => {
  const reader = new BinaryReader(Uint8Array.of(1, 2, 3, 4), 1, 3);
  expect([reader.byte(), reader.byte(), reader.isAtEnd]).toEqual([2, 3, true]);
  expect(() => reader.byte()).toThrow(malformedAt(3));
});

test('BinaryReader: bytes beyond the end are refused, those up to it are not', () => {
  expect(readerOf(1, 2, 3).bytes(3)).toEqual(Uint8Array.of(1, 2, 3));
  expect(() => readerOf(1, 2, 3).bytes(4)).toThrow(malformedAt(0));
});

test('BinaryReader: a name is UTF-8', () => {
  expect(readerOf(2, 0xc3, 0xa4).name()).toBe('ä');
  expect(() => readerOf(2, 0xc3, 0x28).name()).toThrow(malformedAt(3));
  expect(() => readerOf(3, 0x61).name()).toThrow(malformedAt(1));
});

test('BinaryReader: a section’s content ends with the section', () => {
  const reader = readerOf(7, 2, 0x61, 0x62, 9);
  const { id, content, start } = reader.section();
  expect({ id, start, remaining: content.remaining }).toEqual({ id: 7, start: 0, remaining: 2 });
  expect([content.byte(), content.byte()]).toEqual([0x61, 0x62]);
  expect(() => content.byte()).toThrow(malformedAt(4));
  expect(reader.byte()).toBe(9);
});

test('BinaryReader: a section that is longer than the file is refused', () => {
  expect(() => readerOf(1, 5, 0).section()).toThrow(malformedAt(2));
});

test('M1: BinaryReader: a vector with a huge count ends with the bytes', () => {
  const reader = readerOf(...unsigned(0xffff_ffff), 1, 2, 3);
  expect(() => reader.vector(() => reader.byte())).toThrow(malformedAt(8));
});
