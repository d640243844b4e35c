// SPDX-License-Identifier: Apache-2.0
// Takes JSON apart as it comes: one object after the other is read and let go, so that a list takes
// the memory of its largest item, whoever writes it.
import { MalformedAnswer } from './malformed-answer.ts';

export interface SplitterLimits {
  /** Of one item. */
  readonly itemBytes: number;
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

const firstCapacity = 4096;

/** Bytes that come in pieces, up to a limit. */
class Pieces {
  readonly #limit: number;
  readonly #what: string;
  #bytes = new Uint8Array(firstCapacity);
  #length = 0;

  constructor(limit: number, what: string) {
    this.#limit = limit;
    this.#what = what;
  }

  /** Copies it: what it is a part of is to be let go. */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#limit) malformed(`${this.#what} has more than ${this.#limit} bytes`);
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  take(): Uint8Array {
    const whole = this.#bytes.subarray(0, this.#length);
    this.#bytes = new Uint8Array(firstCapacity);
    this.#length = 0;
    return whole;
  }
}

/** Objects one after the other, or those in a list of one object (`{ …, "items": [ … ] }`). */
export type SplitterKind = 'sequence' | 'list';

export class JsonSplitter {
  readonly #depthOfItems: number;
  readonly #listBytes: number;
  readonly #frame: Pieces;
  readonly #item: Pieces;
  #length = 0;
  #depth = 0;
  #isInList = false;
  #isInItem = false;
  #isInText = false;
  #isEscaped = false;

  constructor(kind: SplitterKind, { itemBytes, frameBytes, listBytes }: SplitterLimits) {
    this.#listBytes = kind === 'list' ? listBytes : Number.POSITIVE_INFINITY;
    this.#depthOfItems = kind === 'list' ? 2 : 0;
    this.#isInList = kind === 'sequence';
    this.#item = new Pieces(itemBytes, 'an object of the API server');
    this.#frame = new Pieces(frameBytes, 'what stands around the objects of the API server');
  }

  /**
   * @returns the items that have come to their end
   * @throws MalformedAnswer
   */
  *push(chunk: Uint8Array): Generator<unknown, void> {
    this.#length += chunk.length;
    if (this.#length > this.#listBytes) {
      malformed(`a list of the API server has more than ${this.#listBytes} bytes`);
    }
    let from = 0;
    for (const [index, byte] of chunk.entries()) {
      if (this.#isInText) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === code.backslash) this.#isEscaped = true;
        else if (byte === code.quote) this.#isInText = false;
      } else if (byte === code.quote) {
        this.#isInText = true;
      } else if (byte === code.open || byte === code.openList) {
        if (this.#beginsItem(byte)) {
          this.#keepFrame(chunk.subarray(from, index));
          if (this.#depthOfItems > 0) this.#frame.add(standIn);
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
          this.#item.add(chunk.subarray(from, index + 1));
          from = index + 1;
          this.#isInItem = false;
          yield parsed(this.#item.take(), 'an object of the API server');
        }
      }
    }
    const rest = chunk.subarray(from);
    if (this.#isInItem) this.#item.add(rest);
    else this.#keepFrame(rest);
  }

  /**
   * What stands around the items of a list, each of which is 0 there.
   * @throws MalformedAnswer
   */
  end(): unknown {
    if (this.#isInItem || this.#depth > 0) malformed(`${speech} breaks off`);
    return this.#depthOfItems === 0 ? undefined : parsed(this.#frame.take(), speech);
  }

  #beginsItem(byte: number): boolean {
    if (this.#isInItem || this.#depth !== this.#depthOfItems) return false;
    return this.#isInList && byte === code.open;
  }

  #keepFrame(bytes: Uint8Array): void {
    if (this.#depthOfItems > 0) this.#frame.add(bytes);
    else if (bytes.some((byte) => byte > code.space)) malformed(`${speech} is no JSON`);
  }
}
