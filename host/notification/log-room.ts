// SPDX-License-Identifier: Apache-2.0
// How much the handlers of a container may write into the log: a stock of bytes that fills up again
// with time, which all threads share. What does not fit is dropped, and counted.
import { mostPlaces } from './container-places.ts';

/** What a container may write at once, and in each second after that. */
const stockBytes = 131_072;
const bytesPerSecond = 32_768;
const nsPerByte = 1_000_000_000n / BigInt(bytesPerSecond);
const stockNs = BigInt(stockBytes) * nsPerByte;

/** Words of a container. */
const word = { fullAt: 0, lines: 1, bytes: 2, words: 3 } as const;

export interface Dropped {
  readonly lines: number;
  readonly bytes: number;
}

/** By the places of containers. */
export function makeLogRoom(): SharedArrayBuffer {
  return new SharedArrayBuffer((mostPlaces + 1) * word.words * BigInt64Array.BYTES_PER_ELEMENT);
}

/** The stocks of all containers, seen from one thread. */
export class LogRoom {
  readonly #words: BigInt64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new BigInt64Array(buffer);
  }

  /** @returns whether the stock had so many bytes */
  take(place: number, bytes: number): boolean {
    const at = place * word.words + word.fullAt;
    for (;;) {
      const before = Atomics.load(this.#words, at);
      const now = process.hrtime.bigint();
      const fullAt = (before > now ? before : now) + BigInt(bytes) * nsPerByte;
      if (fullAt - now > stockNs) return false;
      if (Atomics.compareExchange(this.#words, at, before, fullAt) === before) return true;
    }
  }

  /** Whether nothing was dropped since somebody has looked. */
  isTold(place: number): boolean {
    return Atomics.load(this.#words, place * word.words + word.lines) === 0n;
  }

  drop(place: number, bytes: number): void {
    Atomics.add(this.#words, place * word.words + word.bytes, BigInt(bytes));
    Atomics.add(this.#words, place * word.words + word.lines, 1n);
  }

  /** What was dropped since the last look. */
  dropped(place: number): Dropped {
    return {
      lines: Number(Atomics.exchange(this.#words, place * word.words + word.lines, 0n)),
      bytes: Number(Atomics.exchange(this.#words, place * word.words + word.bytes, 0n)),
    };
  }

  /** Another container has the place from now on. */
  clear(place: number): void {
    this.#words.fill(0n, place * word.words, (place + 1) * word.words);
  }
}
