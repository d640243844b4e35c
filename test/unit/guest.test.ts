// SPDX-License-Identifier: Apache-2.0
// Tests the bounds of a handler's memory.
import { expect, test } from 'vitest';

import { instantiate } from '../../host/handler/core-exports.ts';
import { Guest, encodeText } from '../../host/handler/guest.ts';
import type { StringEncoding } from '../../host/handler/component.ts';
import { allocator, coreModule, instruction } from '../support/wasm-binary.ts';
import type { CoreFunction } from '../support/wasm-binary.ts';

/** Characters: more than there are. */
const plenty = 100_000;
const page = 65_536;

function guestWith(reallocate: CoreFunction, encoding: StringEncoding = 'utf8'): Guest {
  const bytes = coreModule({ functions: [reallocate] });
  const exports = instantiate(new WebAssembly.Module(bytes), {});
  return new Guest(exports.memory, exports.reallocate, encoding);
}

/** A memory of one page whose allocator always gives 4096. */
function plainGuest(encoding: StringEncoding = 'utf8'): Guest {
  return guestWith(allocator(4096), encoding);
}

test.for([
  [page - 16, 16, 8],
  [page, 0, 1],
  [0, page, 8],
  [8, 1, 8],
] as const)('Guest: %i with %i bytes is within', ([pointer, size, alignment]) => {
  expect(plainGuest().checked(pointer, size, alignment)).toBe(pointer);
});

test.for([
  [page - 15, 16, 1],
  [page, 1, 1],
  [page + 8, 0, 8],
  [-1, 1, 1],
  [-8, 16, 8],
  [0x7fff_fff8, 16, 8],
  [0, page + 1, 1],
  [16, 0xffff_ffff, 1],
] as const)('G5: Guest: %i with %i bytes is out of bounds', ([pointer, size, alignment]) => {
  expect(() => plainGuest().checked(pointer, size, alignment)).toThrow(WebAssembly.RuntimeError);
});

test.for([
  [1, 2],
  [4, 8],
  [6, 4],
  [-4, 8],
] as const)('G5: Guest: %i is misaligned for %i', ([pointer, alignment]) => {
  expect(() => plainGuest().checked(pointer, 0, alignment)).toThrow(WebAssembly.RuntimeError);
});

test.for([
  ['beyond the end', page - 1, 2, 1],
  ['negative', -4, 16, 4],
  ['misaligned', 4098, 16, 4],
] as const)('G5: Guest: an allocation that is %s traps', ([, at, size, alignment]) => {
  expect(() => guestWith(allocator(at)).allocate(size, alignment)).toThrow(
    WebAssembly.RuntimeError,
  );
});

test('G5: Guest: an allocator that grows the memory is followed', () => {
  const growing: CoreFunction = {
    name: 'cabi_realloc',
    signature: 'iiii:i',
    body: [
      ...instruction.i32(1),
      ...instruction.growMemory,
      ...instruction.drop,
      ...instruction.i32(page),
    ],
  };
  const guest = guestWith(growing);
  const old = guest.bytes;
  const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index % 251);
  const pointer = guest.putBytes(bytes, 0, bytes.length);
  expect(pointer).toBe(page);
  expect(guest.bytes).not.toBe(old);
  expect(old).toHaveLength(0);
  expect(guest.bytes.slice(page, page + 1000)).toEqual(bytes);
  guest.setU32(page, 0xdead_beef);
  expect(guest.u32(page)).toBe(0xdead_beef);
});

test.for([1, 47, 48, 49, 1000])('Guest: %i bytes are copied from where they stand', (length) => {
  const guest = plainGuest();
  const source = Uint8Array.from({ length: 1100 }, (_, index) => (index * 7) % 256);
  const pointer = guest.putBytes(source, 50, length);
  expect(guest.bytes.slice(pointer, pointer + length)).toEqual(source.slice(50, 50 + length));
  expect(guest.u8(pointer + length)).toBe(0);
});

test('Guest: nothing needs no memory', () => {
  const guest = guestWith({ name: 'cabi_realloc', signature: 'iiii:i', body: [0x00] });
  expect(guest.putBytes(new Uint8Array(), 0, 0)).toBe(8);
  expect(guest.putText(guest.encode(''))).toBe(8);
});

test.for([
  ['utf8', 'ä💥', 6, [0xc3, 0xa4, 0xf0, 0x9f, 0x92, 0xa5]],
  ['utf16', 'ä💥', 3, [0xe4, 0x00, 0x3d, 0xd8, 0xa5, 0xdc]],
] as const)('Guest: a text in %s', ([encoding, text, length, bytes]) => {
  const guest = plainGuest(encoding);
  const encoded = guest.encode(text);
  expect(encoded.length).toBe(length);
  const pointer = guest.putText(encoded);
  expect(guest.bytes.slice(pointer, pointer + bytes.length)).toEqual(Uint8Array.from(bytes));
  expect(guest.text(pointer, length, plenty)).toBe(text);
});

test.for(['utf8', 'utf16'] as const)(
  'Guest: a text in %s is cut, wherever a character ends',
  (encoding) => {
    const guest = plainGuest(encoding);
    const text = `${'💥'.repeat(20)}${'ä'.repeat(20)}b`;
    const encoded = guest.encode(text);
    const pointer = guest.putText(encoded);
    for (let max = 0; max <= text.length; max += 1) {
      expect(guest.text(pointer, encoded.length, max)).toBe(text.slice(0, max));
    }
  },
);

test('W3: Guest: of a long text no more is read than is wanted', () => {
  const guest = plainGuest('utf8');
  const bytes = [...Buffer.from('a'.repeat(40)), 0xff];
  const pointer = guest.putBytes(Uint8Array.from(bytes), 0, bytes.length);
  expect(guest.text(pointer, bytes.length, 10)).toBe('a'.repeat(10));
});

test('encodeText: the length of utf16 is in code units', () => {
  expect(encodeText('a💥', 'utf16')).toEqual({
    bytes: Uint8Array.of(0x61, 0x00, 0x3d, 0xd8, 0xa5, 0xdc),
    length: 3,
  });
  expect(encodeText('', 'utf16').length).toBe(0);
});

test.for(['utf8', 'utf16'] as const)('Guest: half a pair in %s becomes U+FFFD', (encoding) => {
  const guest = plainGuest(encoding);
  const encoded = guest.encode('a\uD800b');
  expect(guest.text(guest.putText(encoded), encoded.length, plenty)).toBe('a\uFFFDb');
});

test.for([
  ['utf8', [0xc3, 0x28], 2],
  ['utf8', [0xed, 0xa0, 0x80], 3],
  ['utf16', [0x00, 0xd8, 0x61, 0x00], 2],
] as const)('G5: Guest: a text in %s of the bytes %j traps', ([encoding, bytes, length]) => {
  const guest = plainGuest(encoding);
  const pointer = guest.putBytes(Uint8Array.from(bytes), 0, bytes.length);
  expect(() => guest.text(pointer, length, plenty)).toThrow(WebAssembly.RuntimeError);
});

test.for([
  ['utf8', 0, page + 1],
  ['utf8', 0, -1],
  ['utf16', 0, page / 2 + 1],
  ['utf16', 0, 0x8000_0000],
  ['utf16', 0, -1],
  ['utf16', 1, 1],
] as const)('G5: Guest: a text in %s at %i of length %i traps', ([encoding, pointer, length]) => {
  expect(() => plainGuest(encoding).text(pointer, length, plenty)).toThrow(
    WebAssembly.RuntimeError,
  );
});

test('G5: Guest: reading a byte beyond the memory traps', () => {
  expect(() => plainGuest().u8(page)).toThrow(WebAssembly.RuntimeError);
});

test('Guest: the host may be called within a call only', () => {
  const guest = plainGuest();
  expect(() => {
    guest.requireCall();
  }).toThrow(WebAssembly.RuntimeError);
  const inCall = { value: 0 };
  guest.inCall = inCall;
  expect(() => {
    guest.requireCall();
  }).toThrow(WebAssembly.RuntimeError);
  inCall.value = 1;
  guest.requireCall();
});
