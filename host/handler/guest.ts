// SPDX-License-Identifier: Apache-2.0
// A handler's linear memory, through the canonical ABI: every pointer of the guest is checked.
import type { StringEncoding } from './component.ts';

/** cabi_realloc of the canonical ABI. */
export type Reallocate = (old: number, oldSize: number, alignment: number, size: number) => number;

/** Address given for empty lists: aligned for all, never read. */
const emptyPointer = 8;
/** Below this a loop beats Uint8Array.prototype.set. */
const shortLength = 48;

const narrowDecoder = new TextDecoder('utf-8', { fatal: true });
const wideDecoder = new TextDecoder('utf-16le', { fatal: true });

/** In bytes, in either encoding. */
const longestCharacter = 4;

function wholeText(bytes: Uint8Array, isWide: boolean): string {
  return (isWide ? wideDecoder : narrowDecoder).decode(bytes);
}

/** The last character may be there in part only. */
function cutText(bytes: Uint8Array, isWide: boolean): string {
  const decoder = new TextDecoder(isWide ? 'utf-16le' : 'utf-8', { fatal: true });
  return decoder.decode(bytes, { stream: true });
}

/** A string as the guest wants it. */
interface EncodedText {
  readonly bytes: Uint8Array;
  /** Bytes in utf8, code units in utf16. */
  readonly length: number;
}

export function encodeText(text: string, encoding: StringEncoding): EncodedText {
  if (encoding !== 'utf16') {
    const bytes = new TextEncoder().encode(text);
    return { bytes, length: bytes.length };
  }
  // through UTF-8, so that lone surrogates become U+FFFD: the guest must get well-formed text
  const wellFormed = new TextDecoder().decode(new TextEncoder().encode(text));
  return { bytes: new Uint8Array(Buffer.from(wellFormed, 'utf16le')), length: wellFormed.length };
}

/** Throws RuntimeError for whatever the guest does wrong: its instance must not be used again. */
export class Guest {
  readonly #memory: WebAssembly.Memory;
  readonly #reallocate: Reallocate;
  readonly #encoding: StringEncoding;
  #buffer: ArrayBuffer;
  #view: DataView;
  #bytes: Uint8Array;
  /** Not 0 while the handler runs: only then it may call the host. Absent before its first call. */
  inCall: { readonly value: number } | undefined;

  constructor(memory: WebAssembly.Memory, reallocate: Reallocate, encoding: StringEncoding) {
    this.#memory = memory;
    this.#reallocate = reallocate;
    this.#encoding = encoding;
    this.#buffer = memory.buffer;
    this.#view = new DataView(this.#buffer);
    this.#bytes = new Uint8Array(this.#buffer);
  }

  trap(what: string): never {
    throw new WebAssembly.RuntimeError(what);
  }

  requireCall(): void {
    if (this.inCall?.value !== 1) this.trap('the host was called outside of a handler call');
  }

  /** All of it. The handler may have grown it since the host looked last. */
  get bytes(): Uint8Array {
    this.refresh();
    return this.#bytes;
  }

  /** Views follow the memory, which moves when it grows. */
  refresh(): void {
    if (this.#buffer === this.#memory.buffer) return;
    this.#buffer = this.#memory.buffer;
    this.#view = new DataView(this.#buffer);
    this.#bytes = new Uint8Array(this.#buffer);
  }

  /** The pointer as an offset of `bytes`, which has `size` bytes there. */
  checked(pointer: number, size: number, alignment: number): number {
    this.refresh();
    const offset = pointer >>> 0;
    if (offset % alignment !== 0) this.trap('misaligned pointer from the handler');
    if (size > this.#bytes.length - offset) this.trap('pointer from the handler is out of bounds');
    return offset;
  }

  allocate(size: number, alignment: number): number {
    return this.checked(this.#reallocate(0, 0, alignment, size), size, alignment);
  }

  /** Room for the items of a list. An empty one has none: nobody would give it back. */
  allocateItems(count: number, size: number, alignment: number): number {
    return count === 0 ? emptyPointer : this.allocate(count * size, alignment);
  }

  /** Copies part of `source` into the guest. */
  putBytes(source: Uint8Array, from: number, length: number): number {
    if (length === 0) return emptyPointer;
    const pointer = this.allocate(length, 1);
    this.#copy(source, from, length, pointer);
    return pointer;
  }

  #copy(source: Uint8Array, from: number, length: number, pointer: number): void {
    const bytes = this.#bytes;
    if (length < shortLength) {
      for (let index = 0; index < length; index += 1) {
        bytes[pointer + index] = source[from + index] ?? 0;
      }
    } else {
      bytes.set(source.subarray(from, from + length), pointer);
    }
  }

  encode(text: string): EncodedText {
    return encodeText(text, this.#encoding);
  }

  /** Copies an encoded string into the guest. */
  putText({ bytes, length }: EncodedText): number {
    if (length === 0) return emptyPointer;
    const pointer = this.allocate(bytes.length, this.#encoding === 'utf16' ? 2 : 1);
    this.#copy(bytes, 0, bytes.length, pointer);
    return pointer;
  }

  /** @param most characters: what is behind them is not even looked at */
  text(pointer: number, length: number, max: number): string {
    const isWide = this.#encoding === 'utf16';
    const size = (length >>> 0) * (isWide ? 2 : 1);
    const offset = this.checked(pointer, size, isWide ? 2 : 1);
    const maxBytes = max * longestCharacter;
    const bytes = this.#bytes.subarray(offset, offset + Math.min(size, maxBytes));
    try {
      const text = size > maxBytes ? cutText(bytes, isWide) : wholeText(bytes, isWide);
      return text.slice(0, max);
    } catch {
      return this.trap('string of the handler is not well-formed');
    }
  }

  u8(offset: number): number {
    return this.#bytes[offset] ?? this.trap('pointer from the handler is out of bounds');
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  s64(offset: number): bigint {
    return this.#view.getBigInt64(offset, true);
  }

  setU8(offset: number, value: number): void {
    this.#bytes[offset] = value;
  }

  setU32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  setS64(offset: number, value: bigint): void {
    this.#view.setBigInt64(offset, value, true);
  }
}
