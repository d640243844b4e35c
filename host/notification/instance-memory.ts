// SPDX-License-Identifier: Apache-2.0
// How much memory the instances of handlers take in a worker, and how much they may: all workers
// together have a part of what the agent may have.
import { totalmem } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The agent itself, its helpers and what containers make in memory need the rest. */
const partOfAgent = 1 / 3;
const kibibyte = 1024;

/** What all instances may have together, by the limit of the agent's cgroup and by the machine. */
export function mostInstanceBytes(): number {
  // 0: nobody knows; without a limit it is more than any machine has
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.floor(Math.min(limit, totalmem()) * partOfAgent);
}

/** For all workers together; each of them tells what it has. */
export interface MemoryRoom {
  /** In bytes. */
  readonly most: number;
  /** How many workers there may be. */
  readonly workers: number;
  /** 32 bits for each worker: KiB. */
  readonly counts: SharedArrayBuffer;
  /** Of this worker. */
  readonly place: number;
}

/**
 * Of this thread's heap. V8 does not count the memories of WebAssembly, so nothing else would make
 * it collect them.
 */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  return collect;
}

export class InstanceMemory {
  readonly #room: MemoryRoom;
  readonly #counts: Int32Array;
  readonly #makeCollector: () => () => void;
  /** Few workers ever need it. */
  #collector: (() => void) | undefined;
  #live = 0;
  /** Given up and not collected. */
  #garbage = 0;

  constructor(room: MemoryRoom, makeCollector: () => () => void = garbageCollector) {
    this.#room = room;
    this.#counts = new Int32Array(room.counts);
    this.#makeCollector = makeCollector;
  }

  /** What instances have that were not given up. */
  get live(): number {
    return this.#live;
  }

  /**
   * What this worker may have now. Half of all is divided evenly, so that what idle workers keep is
   * nothing to the others; of the other half each may have what nobody has.
   */
  get allowance(): number {
    const { most, workers, place } = this.#room;
    const own = most / 2 / workers;
    let shared = most / 2;
    for (const [worker, count] of this.#counts.entries()) {
      if (worker !== place) shared -= Math.max(0, count * kibibyte - own);
    }
    return own + Math.max(0, shared);
  }

  get isFull(): boolean {
    return this.#live + this.#garbage > this.allowance;
  }

  /** @param change bytes; below zero: an instance was given up that had them */
  count(change: number): void {
    this.#live += change;
    if (change < 0) this.#garbage -= change;
    this.#tell();
  }

  collect(): void {
    this.#collector ??= this.#makeCollector();
    this.#collector();
    this.#garbage = 0;
    this.#tell();
  }

  #tell(): void {
    const count = Math.ceil((this.#live + this.#garbage) / kibibyte);
    Atomics.store(this.#counts, this.#room.place, count);
  }
}
