// SPDX-License-Identifier: Apache-2.0
// Strings behind a list of pointers, as the addon writes them: see native/caller/string_list.h.

export interface StringList {
  readonly items: readonly Uint8Array[];
  /** Strings are missing, or bytes of them. */
  readonly isTruncated: boolean;
}

const word = 4;

export function stringListBytes({ items, isTruncated }: StringList): Uint8Array {
  const size = items.reduce((sum, item) => sum + word + item.length, word);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, isTruncated ? 1 : 0, true);
  let at = word;
  for (const item of items) {
    view.setUint32(at, item.length, true);
    bytes.set(item, at + word);
    at += word + item.length;
  }
  return bytes;
}

/** Views of the bytes. Of redacted ones nothing but the end is certain. */
export function stringListOf(bytes: Uint8Array): StringList {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const items: Uint8Array[] = [];
  let at = word;
  while (at + word <= bytes.length) {
    const start = at + word;
    at = Math.min(start + view.getUint32(at, true), bytes.length);
    items.push(bytes.subarray(start, at));
  }
  return { items, isTruncated: bytes.length >= word && view.getUint32(0, true) !== 0 };
}
