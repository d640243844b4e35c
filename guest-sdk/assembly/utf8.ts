// SPDX-License-Identifier: Apache-2.0
// Reading bytes that may not be UTF-8 as text.

const REPLACEMENT: i32 = 0xfffd;

/**
 * The text, with U+FFFD for every byte that belongs to no character. Unlike `String.UTF8.decode` it
 * never makes a lone surrogate, which no host takes: a caller could end its handler with one.
 */
export function decodeLossy(bytes: StaticArray<u8>): string {
  let text = '';
  let index = 0;
  while (index < bytes.length) {
    const size = characterSize(bytes, index);
    text += String.fromCodePoint(size == 0 ? REPLACEMENT : codePoint(bytes, index, size));
    index += size == 0 ? 1 : size;
  }
  return text;
}

/** How many bytes the character at this index has; 0 if there is none. */
function characterSize(bytes: StaticArray<u8>, index: i32): i32 {
  const first = unchecked(bytes[index]);
  const size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first > 0xf4 || index + size > bytes.length) return 0;
  for (let i = 1; i < size; i++) {
    if ((unchecked(bytes[index + i]) & 0xc0) != 0x80) return 0;
  }
  if (size < 3) return size;
  // Longer than it needs to be, a surrogate, or beyond U+10FFFF.
  const second = unchecked(bytes[index + 1]);
  if (first == 0xe0 && second < 0xa0) return 0;
  if (first == 0xed && second >= 0xa0) return 0;
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second >= 0x90) return 0;
  return size;
}

function codePoint(bytes: StaticArray<u8>, index: i32, size: i32): i32 {
  const first = <i32>unchecked(bytes[index]);
  let code = size == 1 ? first : first & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) code = (code << 6) | (unchecked(bytes[index + i]) & 0x3f);
  return code;
}
