// SPDX-License-Identifier: Apache-2.0
// How much may be on its way from the workers to whoever records: a slow reader loses calls, and
// holds none up.

/** Of one worker. */
const mostBytesUnread = 4 * 1024 * 1024;
const mostSlots = 1024;

/** What all threads have of it: how many calls of each recorded container were lost. */
export function makeLossCounters(): SharedArrayBuffer {
  return new SharedArrayBuffer(mostSlots * Int32Array.BYTES_PER_ELEMENT);
}

/** How much of one worker is unread. */
export function makeUnreadCounter(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

export class UnreadCounter {
  readonly #bytes: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#bytes = new Int32Array(buffer);
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#bytes, 0) === 0;
  }

  /** In the worker. @returns whether there was room for it */
  send(size: number): boolean {
    if (Atomics.load(this.#bytes, 0) + size > mostBytesUnread) return false;
    Atomics.add(this.#bytes, 0, size);
    return true;
  }

  /** In the main thread. */
  read(size: number): void {
    Atomics.sub(this.#bytes, 0, size);
  }
}

/** Seen from one thread. */
export class LossCounters {
  readonly #lost: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#lost = new Int32Array(buffer);
  }

  lose(slot: number): void {
    if (slot < this.#lost.length) Atomics.add(this.#lost, slot, 1);
  }

  of(slot: number): number {
    return slot < this.#lost.length ? Atomics.load(this.#lost, slot) : 0;
  }
}

/** In the main thread: which slot is whose. Past the last one, losses are not counted. */
export class TapeSlots {
  readonly #free: number[] = [];
  #next = 0;

  take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#next >= mostSlots) return mostSlots;
    this.#next += 1;
    return this.#next - 1;
  }

  release(slot: number): void {
    if (slot < mostSlots) this.#free.push(slot);
  }
}
