// SPDX-License-Identifier: Apache-2.0
// Reads the primitives of the WebAssembly binary format from bytes that nobody has checked.
import { AgentError } from '../errors.ts';

const continuation = 0x80;
const payload = 0x7f;

/** Throws AGENT_COMPONENT_INVALID for anything that runs over the end or is malformed. */
export class BinaryReader {
  readonly #bytes: Uint8Array;
  readonly #text = new TextDecoder('utf-8', { fatal: true });
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
    let result = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      result += (byte & payload) * 2 ** shift;
      if ((byte & continuation) === 0) {
        if (result > 0xffff_ffff) break;
        return result;
      }
    }
    return this.fail('integer too long');
  }

  bytes(length: number): Uint8Array {
    if (length > this.#end - this.#position) this.fail('unexpected end');
    const from = this.#position;
    this.#position += length;
    return this.#bytes.subarray(from, this.#position);
  }

  name(): string {
    const bytes = this.bytes(this.u32());
    try {
      return this.#text.decode(bytes);
    } catch {
      return this.fail('name is not UTF-8');
    }
  }

  /** The next section: its id and a reader of its content. */
  section(): { readonly id: number; readonly content: BinaryReader; readonly start: number } {
    const start = this.#position;
    const id = this.byte();
    const size = this.u32();
    const from = this.#position;
    this.bytes(size);
    return { id, content: new BinaryReader(this.#bytes, from, this.#position), start };
  }

  /** Reads a vector: a count and as many items. */
  vector<T>(item: () => T): readonly T[] {
    const items: T[] = [];
    for (let count = this.u32(); count > 0; count -= 1) items.push(item());
    return items;
  }
}
