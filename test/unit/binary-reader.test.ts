// SPDX-License-Identifier: Apache-2.0
// Tests the reader of the WebAssembly binary format.
import { expect, test } from 'vitest';

import { BinaryReader } from '../../host/handler/binary-reader.ts';
import { failureOf } from '../support/agent-failure.ts';
import { unsigned } from '../support/wasm-binary.ts';

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
  ['more than 32 bits', [0xff, 0xff, 0xff, 0xff, 0x10], 'integer too long'],
  ['six bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 'integer too long'],
  ['no end', [0x80, 0x80], 'unexpected end'],
  ['nothing', [], 'unexpected end'],
] as const)('BinaryReader: a number of %s is refused', ([, bytes, reason]) => {
  expect(failureOf(() => readerOf(...bytes).u32())).toMatchObject({
    code: 'AGENT_COMPONENT_INVALID',
    message: expect.stringContaining(`malformed component: ${reason} at byte `),
  });
});

test('BinaryReader: a part ends where it was told to', () => {
  const reader = new BinaryReader(Uint8Array.of(1, 2, 3, 4), 1, 3);
  expect([reader.byte(), reader.byte(), reader.isAtEnd]).toEqual([2, 3, true]);
  expect(failureOf(() => reader.byte()).message).toContain('unexpected end at byte 3');
});

test('BinaryReader: bytes beyond the end are refused, those up to it are not', () => {
  expect(readerOf(1, 2, 3).bytes(3)).toEqual(Uint8Array.of(1, 2, 3));
  expect(failureOf(() => readerOf(1, 2, 3).bytes(4)).code).toBe('AGENT_COMPONENT_INVALID');
});

test('BinaryReader: a name is UTF-8', () => {
  expect(readerOf(2, 0xc3, 0xa4).name()).toBe('ä');
  expect(failureOf(() => readerOf(2, 0xc3, 0x28).name()).message).toContain('name is not UTF-8');
  expect(failureOf(() => readerOf(3, 0x61).name()).message).toContain('unexpected end');
});

test('BinaryReader: a section’s content ends with the section', () => {
  const reader = readerOf(7, 2, 0x61, 0x62, 9);
  const { id, content, start } = reader.section();
  expect({ id, start, remaining: content.remaining }).toEqual({ id: 7, start: 0, remaining: 2 });
  expect([content.byte(), content.byte()]).toEqual([0x61, 0x62]);
  expect(failureOf(() => content.byte()).code).toBe('AGENT_COMPONENT_INVALID');
  expect(reader.byte()).toBe(9);
});

test('BinaryReader: a section that is longer than the file is refused', () => {
  expect(failureOf(() => readerOf(1, 5, 0).section()).message).toContain('unexpected end');
});

test('M1: BinaryReader: a vector with a huge count ends with the bytes', () => {
  const reader = readerOf(...unsigned(0xffff_ffff), 1, 2, 3);
  expect(failureOf(() => reader.vector(() => reader.byte())).message).toContain('unexpected end');
});
