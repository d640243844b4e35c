// SPDX-License-Identifier: Apache-2.0
// Reads the primitives of the WebAssembly binary format from bytes that nobody has checked.
import { AgentError } from '../errors.ts';

const continuation = 0x80;
const payload = 0x7f;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Throws AGENT_COMPONENT_INVALID for anything that runs over the end or is malformed. */
export class BinaryReader {
  readonly #bytes: Uint8Array;
  #position: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, position: number = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#position = position;
    this.#end = end;
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#end;
  }

  fail(what: string): never {
    throw new AgentError(
      'AGENT_COMPONENT_INVALID',
      `malformed component: ${what} at byte ${this.#position}`,
    );
  }

  byte(): number {
    const value = this.#position < this.#end ? this.#bytes[this.#position] : undefined;
    if (value === undefined) this.fail('unexpected end');
    this.#position += 1;
    return value;
  }

  /** LEB128, at most 32 bits. */
  u32(): number {
    const first = this.byte();
    // most have one byte
    if (first < continuation) return first;
    let result = first & payload;
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.byte();
      result += (byte & payload) * 2 ** shift;
      if ((byte & continuation) === 0) {
        if (result > 0xffff_ffff) break;
        return result;
      }
    }
    return this.fail('integer too long');
  }

  /** Past a LEB128 of at most so many bytes. */
  skipInteger(maxBytes: number): void {
    for (let count = 0; count < maxBytes; count += 1) {
      if ((this.byte() & continuation) === 0) return;
    }
    this.fail('integer too long');
  }

  skip(length: number): void {
    if (length > this.#end - this.#position) this.fail('unexpected end');
    this.#position += length;
  }

  bytes(length: number): Uint8Array {
    const from = this.#position;
    this.skip(length);
    return this.#bytes.subarray(from, this.#position);
  }

  /** A reader of the next bytes, past which this one is then. */
  part(length: number): BinaryReader {
    const from = this.#position;
    this.skip(length);
    return new BinaryReader(this.#bytes, from, this.#position);
  }

  /** One that reads the same, and leaves this one where it is. */
  copy(): BinaryReader {
    return new BinaryReader(this.#bytes, this.#position, this.#end);
  }

  name(): string {
    const bytes = this.bytes(this.u32());
    try {
      return utf8.decode(bytes);
    } catch {
      return this.fail('name is not UTF-8');
    }
  }

  /** The next section: its id and a reader of its content. */
  section(): { readonly id: number; readonly content: BinaryReader; readonly start: number } {
    const start = this.#position;
    const id = this.byte();
    const size = this.u32();
    return { id, content: this.part(size), start };
  }

  /** Reads a vector: a count and as many items. */
  vector<T>(item: () => T): readonly T[] {
    const items: T[] = [];
    for (let count = this.u32(); count > 0; count -= 1) items.push(item());
    return items;
  }
}
