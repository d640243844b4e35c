// SPDX-License-Identifier: Apache-2.0
// Takes JSON apart as it comes: one object after the other is read and let go, so that a list takes
// the memory of its largest item, whoever writes it. One that is too large is passed over: whoever makes
// an object does not decide on all others.
import { MalformedAnswer } from './malformed-answer.ts';

export interface SplitterLimits {
  /** Of one item that is kept. */
  readonly itemBytes: number;
  /** Of one that is passed over: what has more has no end. */
  readonly maxItemBytes: number;
  /** Of all that stands around the items. */
  readonly frameBytes: number;
  /** Of a whole list. */
  readonly listBytes: number;
}

/** ASCII codes that matter for where values end. */
const code = {
  quote: 0x22,
  backslash: 0x5c,
  openList: 0x5b,
  closeList: 0x5d,
  open: 0x7b,
  close: 0x7d,
  space: 0x20,
} as const;

const speech = 'what the API server says';
/** In place of an item: `0`. */
const standIn = Uint8Array.of(0x30);

function malformed(what: string, cause?: unknown): never {
  throw new MalformedAnswer(what, cause);
}

function parsed(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (cause) {
    return malformed(`${what} is no JSON`, cause);
  }
}

/** In place of an item that has more bytes than are kept of one. */
export const tooLarge: unique symbol = Symbol('too large');

function backslashesBefore(bytes: Uint8Array, from: number, end: number): number {
  let begin = end;
  while (begin > from && bytes[begin - 1] === code.backslash) begin -= 1;
  return end - begin;
}

const firstCapacity = 4096;

/** Bytes that come in pieces, up to a limit: where there are more, there are none. */
class Pieces {
  readonly #limit: number;
  #bytes = new Uint8Array(firstCapacity);
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Of all that came. */
  get length(): number {
    return this.#length;
  }

  /** Copies it: what it is a part of is to be let go. @returns whether there are not too many */
  add(piece: Uint8Array): boolean {
    const length = this.#length + piece.length;
    if (length > this.#limit) this.#bytes = new Uint8Array();
    else this.#append(piece, length);
    this.#length = length;
    return length <= this.#limit;
  }

  /** @returns undefined: there were too many */
  take(): Uint8Array | undefined {
    const whole = this.#length > this.#limit ? undefined : this.#bytes.subarray(0, this.#length);
    this.#bytes = new Uint8Array(firstCapacity);
    this.#length = 0;
    return whole;
  }

  #append(piece: Uint8Array, length: number): void {
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
  }
}

/** Objects one after the other, or those in a list of one object (`{ …, "items": [ … ] }`). */
export type SplitterKind = 'sequence' | 'list';

export class JsonSplitter {
  readonly #depthOfItems: number;
  readonly #maxItemBytes: number;
  readonly #listBytes: number;
  readonly #frame: Pieces;
  readonly #item: Pieces;
  #length = 0;
  #depth = 0;
  #isInList = false;
  #isInItem = false;
  #isInText = false;
  #isEscaped = false;

  constructor(kind: SplitterKind, limits: SplitterLimits) {
    const { itemBytes, maxItemBytes, frameBytes, listBytes } = limits;
    this.#maxItemBytes = maxItemBytes;
    this.#listBytes = kind === 'list' ? listBytes : Number.POSITIVE_INFINITY;
    this.#depthOfItems = kind === 'list' ? 2 : 0;
    this.#isInList = kind === 'sequence';
    this.#item = new Pieces(itemBytes);
    this.#frame = new Pieces(frameBytes);
  }

  /**
   * @returns the items that have come to their end, each of them or `tooLarge`
   * @throws MalformedAnswer
   */
  *push(chunk: Uint8Array): Generator<unknown, void> {
    this.#length += chunk.length;
    if (this.#length > this.#listBytes) {
      malformed(`a list of the API server has more than ${this.#listBytes} bytes`);
    }
    let from = 0;
    let next = 0;
    while (next < chunk.length) {
      if (this.#isInText) next = this.#endOfText(chunk, next);
      const index = next;
      const byte = chunk[index];
      next += 1;
      if (byte === code.quote) {
        this.#isInText = true;
      } else if (byte === code.open || byte === code.openList) {
        if (this.#beginsItem(byte)) {
          this.#keepFrame(chunk.subarray(from, index));
          if (this.#depthOfItems > 0) this.#keepFrame(standIn);
          this.#isInItem = true;
          from = index;
        }
        this.#depth += 1;
        // only what is in the list itself is an item
        if (this.#depth === this.#depthOfItems) this.#isInList = byte === code.openList;
      } else if (byte === code.close || byte === code.closeList) {
        this.#depth -= 1;
        if (this.#depth < 0) malformed(`${speech} is no JSON`);
        if (this.#isInItem && this.#depth === this.#depthOfItems) {
          this.#keepItem(chunk.subarray(from, index + 1));
          from = index + 1;
          this.#isInItem = false;
          const item = this.#item.take();
          yield item === undefined ? tooLarge : parsed(item, 'an object of the API server');
        }
      }
    }
    const rest = chunk.subarray(from);
    if (this.#isInItem) this.#keepItem(rest);
    else this.#keepFrame(rest);
  }

  /**
   * The text around the items of a list, each of which is 0 there.
   * @throws MalformedAnswer
   */
  end(): unknown {
    if (this.#isInItem || this.#depth > 0) malformed(`${speech} breaks off`);
    if (this.#depthOfItems === 0) return undefined;
    return parsed(this.#frame.take() ?? new Uint8Array(), speech);
  }

  /** @returns where a text ends that goes on at `from`: behind its quotation mark, or with the chunk */
  #endOfText(chunk: Uint8Array, from: number): number {
    // texts are most of what is said, and their bytes are not looked at one by one
    let at = from;
    if (this.#isEscaped) at += 1;
    for (;;) {
      const quote = chunk.indexOf(code.quote, at);
      const end = quote === -1 ? chunk.length : quote;
      this.#isEscaped = backslashesBefore(chunk, at, end) % 2 === 1;
      if (quote === -1) return end;
      at = quote + 1;
      if (this.#isEscaped) continue;
      this.#isInText = false;
      return at;
    }
  }

  #beginsItem(byte: number): boolean {
    if (this.#isInItem || this.#depth !== this.#depthOfItems) return false;
    return this.#isInList && byte === code.open;
  }

  #keepItem(bytes: Uint8Array): void {
    this.#item.add(bytes);
    if (this.#item.length <= this.#maxItemBytes) return;
    malformed(`an object of the API server has more than ${this.#maxItemBytes} bytes`);
  }

  #keepFrame(bytes: Uint8Array): void {
    if (this.#depthOfItems > 0) {
      if (!this.#frame.add(bytes))
        malformed('too much stands around the objects of the API server');
    } else if (bytes.some((byte) => byte > code.space)) malformed(`${speech} is no JSON`);
  }
}
