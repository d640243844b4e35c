// SPDX-License-Identifier: Apache-2.0
// Room in the log for a container: a stock of bytes for its handlers that fills up again with time,
// which all threads share, and one of lines that tell of calls that failed. Excess is dropped, and
// counted. Users have stocks of bytes and lines for all of their containers, which may be many.
import { maxPlaces } from '../counting/container-places.ts';

/** Bytes that a container may log at once, and in each second after that. */
const stockBytes = 131_072;
const bytesPerSecond = 32_768;
const nsPerByte = 1_000_000_000n / BigInt(bytesPerSecond);
const stockNs = BigInt(stockBytes) * nsPerByte;
/** A user may have any number of containers: all of them have as much as these. */
const containersOfUser = 4n;
/** At once, and in each second after that. */
const maxReports = 20n;
const nsPerReport = 1_000_000_000n / maxReports;

/** Of one user, as on the main thread (user-lines.ts): at once, and in each minute after that. */
const maxUserLines = 200n;
const nsPerUserLine = 60_000_000_000n / maxUserLines;
/** Twice as many as there can be: each has an entry in the socket's list (acl(5)), which has 64 KiB. */
const userStocks = 16_384;

/** Words of a container. */
const word = { fullAt: 0, lines: 1, bytes: 2, reportsFullAt: 3, words: 4 } as const;

/** Words of a stock of users, behind those of all containers. It is its user's for good. */
const userWord = { user: 0, fullAt: 1, leftOut: 2, bytesFullAt: 3, words: 4 } as const;
const usersAt = (maxPlaces + 1) * word.words;

export interface Dropped {
  readonly lines: number;
  readonly bytes: number;
}

/** By the places of containers. */
export function makeLogRoom(): SharedArrayBuffer {
  const words = usersAt + userStocks * userWord.words;
  return new SharedArrayBuffer(words * BigInt64Array.BYTES_PER_ELEMENT);
}

/** The stocks of all containers, seen from one thread. */
export class LogRoom {
  readonly #words: BigInt64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new BigInt64Array(buffer);
  }

  /**
   * @param user of the container; root's containers have no stock together
   * @returns whether the stocks of container and user had so many bytes
   */
  take(place: number, bytes: number, user = 0): boolean {
    const wantedNs = BigInt(bytes) * nsPerByte;
    if (!this.#take(place * word.words + word.fullAt, wantedNs, stockNs)) return false;
    if (user === 0) return true;
    return this.#take(
      this.#userAt(user) + userWord.bytesFullAt,
      wantedNs / containersOfUser,
      stockNs,
    );
  }

  /** @returns whether a call that failed may be told of */
  takeReport(place: number): boolean {
    const at = place * word.words + word.reportsFullAt;
    return this.#take(at, nsPerReport, maxReports * nsPerReport);
  }

  /** @returns whether one more line on a container of this user may be written; root has no limit */
  takeUserLine(user: number): boolean {
    if (user === 0) return true;
    return this.#take(
      this.#userAt(user) + userWord.fullAt,
      nsPerUserLine,
      maxUserLines * nsPerUserLine,
    );
  }

  /** A line on a container of this user was left out. */
  leaveOut(user: number): void {
    Atomics.add(this.#words, this.#userAt(user) + userWord.leftOut, 1n);
  }

  /** Number of lines on this user's containers that were left out since the last look. */
  leftOut(user: number): number {
    if (user === 0) return 0;
    return Number(Atomics.exchange(this.#words, this.#userAt(user) + userWord.leftOut, 0n));
  }

  /** Whether nothing was dropped since somebody has looked. */
  isTold(place: number): boolean {
    return Atomics.load(this.#words, place * word.words + word.lines) === 0n;
  }

  drop(place: number, bytes: number): void {
    Atomics.add(this.#words, place * word.words + word.bytes, BigInt(bytes));
    Atomics.add(this.#words, place * word.words + word.lines, 1n);
  }

  /** Dropped lines since the last look. */
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

  /**
   * Stock of a user: the first of those from the rest of the id on that is this user's, or nobody's yet.
   * A thread may be ended at any time, so that there is no lock.
   */
  #userAt(user: number): number {
    const id = BigInt(user);
    for (let step = 0; step < userStocks; step += 1) {
      const at = usersAt + ((user + step) % userStocks) * userWord.words;
      const owner = Atomics.compareExchange(this.#words, at + userWord.user, 0n, id);
      if (owner === 0n || owner === id) return at;
    }
    throw new RangeError(`more than ${userStocks} users have containers`);
  }

  /** @param most of what has been taken and has not come back with time */
  #take(at: number, nanoseconds: bigint, max: bigint): boolean {
    for (;;) {
      const before = Atomics.load(this.#words, at);
      const now = process.hrtime.bigint();
      const fullAt = (before > now ? before : now) + nanoseconds;
      if (fullAt - now > max) return false;
      if (Atomics.compareExchange(this.#words, at, before, fullAt) === before) return true;
    }
  }
}
