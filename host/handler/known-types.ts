// SPDX-License-Identifier: Apache-2.0
// The types of functions that this process has compiled. V8 keeps each for as long as the process
// lives, whatever becomes of the code, and ends the process at 2,000,000 of them.
import { hash } from 'node:crypto';

import { refuse } from './refusal.ts';

/** V8 takes about 200 bytes for each. */
const maxTypes = 500_000;
/** So that there is always a free place. */
const places = 2 ** 20;
/** Numbers in front of the places. */
const word = { count: 0, max: 1, words: 2 } as const;
const headBytes = word.words * Int32Array.BYTES_PER_ELEMENT;

export function makeTypesBuffer(max: number = maxTypes): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(headBytes + places * BigUint64Array.BYTES_PER_ELEMENT);
  new Int32Array(buffer, 0, word.words)[word.max] = max;
  return buffer;
}

/** Shared by the threads that compile: those that have ended have left theirs behind, too. */
export class KnownTypes {
  readonly buffer: SharedArrayBuffer;
  readonly #head: Int32Array;
  /** A part of the digest of each; 0: nothing. What is not used takes no memory. */
  readonly #places: BigUint64Array;

  constructor(buffer: SharedArrayBuffer = makeTypesBuffer()) {
    this.buffer = buffer;
    this.#head = new Int32Array(buffer, 0, word.words);
    this.#places = new BigUint64Array(buffer, headBytes);
  }

  get max(): number {
    return this.#head[word.max] ?? 0;
  }

  get count(): number {
    return Atomics.load(this.#head, word.count);
  }

  /**
   * To be called before code is compiled that has these types.
   * @param types the bytes of each, as latin1
   * @throws AgentError AGENT_COMPONENT_REFUSED: there would be too many
   */
  add(types: ReadonlySet<string>): void {
    const unknown = [...types].map(digestOf).filter((digest) => !this.#has(digest));
    const found = this.count + unknown.length;
    if (found > this.max) {
      refuse(
        `with this component the agent has met ${found} types of functions; ${this.max} are allowed, since they are never forgotten: restart the agent`,
      );
    }
    for (const digest of unknown) this.#keep(digest);
  }

  #has(digest: bigint): boolean {
    return Atomics.load(this.#places, this.#placeOf(digest)) === digest;
  }

  #keep(digest: bigint): void {
    for (;;) {
      const before = Atomics.compareExchange(this.#places, this.#placeOf(digest), 0n, digest);
      // another thread was quicker
      if (before === digest) return;
      if (before === 0n) break;
    }
    Atomics.add(this.#head, word.count, 1);
  }

  /** Its place, or else the free one for it. */
  #placeOf(digest: bigint): number {
    let place = Number(digest % BigInt(places));
    for (;;) {
      const kept = Atomics.load(this.#places, place);
      if (kept === 0n || kept === digest) return place;
      place = (place + 1) % places;
    }
  }
}

let own: KnownTypes | undefined;

/**
 * Those of this process, made when they are first asked for: V8 does not count the memory of shared
 * buffers, and so does not hurry to free what is made again and again.
 */
export function ownTypes(): KnownTypes {
  own ??= new KnownTypes();
  return own;
}

function digestOf(type: string): bigint {
  const digest = hash('sha256', Buffer.from(type, 'latin1'), 'buffer').readBigUInt64LE();
  return digest === 0n ? 1n : digest;
}
