// SPDX-License-Identifier: Apache-2.0
// How much may be written into the log for a container: a stock of bytes for its handlers that fills
// up again with time, which all threads share, and one of lines that tell of calls that failed. What
// does not fit is dropped, and counted.
import { mostPlaces } from './container-places.ts';

/** What a container may write at once, and in each second after that. */
const stockBytes = 131_072;
const bytesPerSecond = 32_768;
const nsPerByte = 1_000_000_000n / BigInt(bytesPerSecond);
const stockNs = BigInt(stockBytes) * nsPerByte;
/** At once, and in each second after that. */
const mostReports = 20n;
const nsPerReport = 1_000_000_000n / mostReports;

/** Words of a container. */
const word = { fullAt: 0, lines: 1, bytes: 2, reportsFullAt: 3, words: 4 } as const;

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
    return this.#take(place * word.words + word.fullAt, BigInt(bytes) * nsPerByte, stockNs);
  }

  /** @returns whether a call that failed may be told of */
  takeReport(place: number): boolean {
    const at = place * word.words + word.reportsFullAt;
    return this.#take(at, nsPerReport, mostReports * nsPerReport);
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

  /** @param most of what has been taken and has not come back with time */
  #take(at: number, nanoseconds: bigint, most: bigint): boolean {
    for (;;) {
      const before = Atomics.load(this.#words, at);
      const now = process.hrtime.bigint();
      const fullAt = (before > now ? before : now) + nanoseconds;
      if (fullAt - now > most) return false;
      if (Atomics.compareExchange(this.#words, at, before, fullAt) === before) return true;
    }
  }
}
