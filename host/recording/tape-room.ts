// SPDX-License-Identifier: Apache-2.0
// Limit of data on its way from the workers to recorders: a slow reader loses calls, and holds none up.
import { memoryLimit } from '../process/memory-limit.ts';
import { maxPlaces } from '../counting/container-places.ts';

/** Of loss counters: losses of recorded containers beyond them are not counted. */
export const maxSlots = 1024;

/** Shared counts of all threads: lost calls of each recorded container, and all calls that were sent. */
export function makeLossCounters(): SharedArrayBuffer {
  return new SharedArrayBuffer((maxSlots + 1) * Int32Array.BYTES_PER_ELEMENT);
}

/** Of all workers together: a part of what the agent may have, up to so much. */
const partOfAgent = 1 / 32;
const maxBytes = 32 * 2 ** 20;
/** Each call counts as so small a part of it at least, for what it takes beside its bytes. */
const maxCalls = 4096;
/** Maximum of one worker's messages that the main thread has not taken yet. */
const partOfWorker = 1 / 8;

/** Buffers that a worker shares with the main thread. */
export interface UnreadBuffers {
  /** In bytes. */
  readonly max: number;
  /** Unread calls that have arrived from all workers: by the container's place, and in all. */
  readonly come: SharedArrayBuffer;
  /** Messages of this worker that have not arrived. */
  readonly sent: SharedArrayBuffer;
}

function words(count: number): SharedArrayBuffer {
  return new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT);
}

/** Containers past the last place share one more. */
const allAt = maxPlaces + 1;

/** In the main thread: what has come from any worker. */
export class UnreadRoom {
  readonly #max: number;
  readonly #come = new Int32Array(words(allAt + 1));

  constructor(limitBytes: number = memoryLimit()) {
    this.#max = Math.min(maxBytes, Math.floor(limitBytes * partOfAgent));
  }

  /** For one more worker. */
  buffers(): UnreadBuffers {
    return { max: this.#max, come: this.#come.buffer, sent: words(1) };
  }

  get isEmpty(): boolean {
    return this.#come[allAt] === 0;
  }

  take(place: number, cost: number): void {
    this.#add(place, cost);
  }

  /** It takes no more room. */
  leave(place: number, cost: number): void {
    this.#add(place, -cost);
  }

  #add(place: number, change: number): void {
    Atomics.add(this.#come, place, change);
    Atomics.add(this.#come, allAt, change);
  }
}

/** One worker's side of it. */
export class UnreadCounter {
  readonly #max: number;
  readonly #come: Int32Array;
  readonly #sent: Int32Array;

  constructor({ max, come, sent }: UnreadBuffers) {
    this.#max = max;
    this.#come = new Int32Array(come);
    this.#sent = new Int32Array(sent);
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#sent, 0) === 0;
  }

  /**
   * Whether a container may send one more call. It may have as much as is left then: however many
   * calls it makes, and however slowly they are read, others find room.
   */
  hasRoom(place: number, bytes = 0): boolean {
    const cost = this.#costOf(bytes);
    if (Atomics.load(this.#sent, 0) + cost > this.#max * partOfWorker) return false;
    const left = this.#max - Atomics.load(this.#come, allAt);
    return Atomics.load(this.#come, place) + cost <= left;
  }

  /** In the worker. @returns what it counts as */
  send(bytes: number): number {
    const cost = this.#costOf(bytes);
    Atomics.add(this.#sent, 0, cost);
    return cost;
  }

  /** In the main thread. */
  come(cost: number): void {
    Atomics.sub(this.#sent, 0, cost);
  }

  #costOf(bytes: number): number {
    return Math.max(bytes, Math.ceil(this.#max / maxCalls));
  }
}

/** Seen from one thread. */
export class LossCounters {
  readonly #lost: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#lost = new Int32Array(buffer);
  }

  lose(slot: number): void {
    if (slot < maxSlots) Atomics.add(this.#lost, slot, 1);
  }

  /** For a call that is about to be sent: what its caller calls afterwards has a later one. */
  nextOrder(): number {
    return Atomics.add(this.#lost, maxSlots, 1);
  }

  of(slot: number): number {
    return slot < maxSlots ? Atomics.load(this.#lost, slot) : 0;
  }
}
