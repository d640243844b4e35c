// SPDX-License-Identifier: Apache-2.0
// Copies between byte arrays and text, by address.

/** The same object as one of a class that has no fields of its own, or back. */
export function retyped<To, From>(object: From): To {
  return changetype<To>(object);
}

export function copyBytes(
  source: StaticArray<u8>,
  sourceIndex: i32,
  target: StaticArray<u8>,
  targetIndex: i32,
  count: i32,
): void {
  memory.copy(
    changetype<usize>(target) + <usize>targetIndex,
    changetype<usize>(source) + <usize>sourceIndex,
    <usize>count,
  );
}

/** How many bytes the text has in UTF-8. */
export function utf8Length(text: string): i32 {
  return String.UTF8.byteLength(text);
}

/** Writes the text in UTF-8; the target has room from `index` on for `utf8Length(text)` bytes. */
export function writeUtf8(text: string, target: StaticArray<u8>, index: i32): void {
  String.UTF8.encodeUnsafe(
    changetype<usize>(text),
    text.length,
    changetype<usize>(target) + <usize>index,
  );
}
