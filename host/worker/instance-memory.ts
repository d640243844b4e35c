// SPDX-License-Identifier: Apache-2.0
// Memory of the instances of handlers in a worker, and its limit: all workers together have a part of
// the agent's.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { memoryLimit } from '../process/memory-limit.ts';

/** The agent itself, its helpers and what containers make in memory need the rest. */
const partOfAgent = 1 / 3;
const kibibyte = 1024;

/** Limit of all instances together, by the limit of the agent's cgroup and by the machine. */
export function maxInstanceBytes(): number {
  return Math.floor(memoryLimit() * partOfAgent);
}

/**
 * Of what the agent may have, what the whole process may really have before no more instances are
 * made: what they are said to take may be wrong.
 */
const partOfProcess = 0.7;

export function maxResidentBytes(): number {
  return Math.floor(memoryLimit() * partOfProcess);
}

/**
 * For instances of who has little, which are not what fills the process. The rest is for what the calls
 * of all workers may take at once.
 */
const partForFew = 0.8;

/** For all workers together; each of them tells what it has. */
export interface MemoryRoom {
  /** In bytes. */
  readonly max: number;
  /** Of the process, in bytes. */
  readonly maxResident: number;
  /** Largest number of workers. */
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

/** Only memory that cannot be reclaimed counts: no page cache. */
export interface ProcessView {
  readonly residentBytes: () => number;
  /** Of what the heap of this thread may have, at which the thread ends, 0 to 1. */
  readonly heapShare: () => number;
  /** In milliseconds. */
  readonly now: () => number;
}

function heapShare(): number {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used / limit;
}

export const ownProcess: ProcessView = {
  heapShare,
  residentBytes: () => process.memoryUsage.rss(),
  now: () => performance.now(),
};

/** With more, no more instances are made in this thread. */
const maxHeapShare = 3 / 4;
/** Looking takes as long as many calls do: it is done for so many bytes that were counted, … */
const lookBytes = 2 ** 20;
/** … or after some time, since others take memory, too, … */
const lookMs = 1000;
/** … which is shorter where calls fail for it. */
const shortLookMs = 10;
/** Where collecting has not helped, it is not tried again at once. */
const helplessMs = 1000;

export class InstanceMemory {
  readonly #room: MemoryRoom;
  readonly #counts: Int32Array;
  readonly #makeCollector: () => () => void;
  readonly #view: ProcessView;
  /** Few workers ever need it. */
  #collector: (() => void) | undefined;
  #live = 0;
  /** Given up and not collected. */
  #garbage = 0;
  /** As it was looked at last. */
  #isShort = false;
  #isSpent = false;
  #nextLook = 0;
  /** Since then. */
  #countedBytes = 0;
  #nextCollection = 0;

  constructor(
    room: MemoryRoom,
    view: ProcessView = ownProcess,
    makeCollector: () => () => void = garbageCollector,
  ) {
    this.#room = room;
    this.#counts = new Int32Array(room.counts);
    this.#makeCollector = makeCollector;
    this.#view = view;
  }

  /** Bytes of instances that were not given up. */
  get live(): number {
    return this.#live;
  }

  /** Of what this worker may have, what nobody takes from it. */
  get own(): number {
    const { max, workers } = this.#room;
    return max / 2 / workers;
  }

  /**
   * The present limit of this worker. Half of all is divided evenly, so that idle workers take nothing
   * from the others; of the other half each may have the unused rest.
   */
  get allowance(): number {
    const { max, place } = this.#room;
    const own = this.own;
    let shared = max / 2;
    for (const [worker, count] of this.#counts.entries()) {
      if (worker !== place) shared -= Math.max(0, count * kibibyte - own);
    }
    return own + Math.max(0, shared);
  }

  get hasGarbage(): boolean {
    return this.#garbage > 0;
  }

  get isFull(): boolean {
    return this.#live + this.#garbage > this.allowance;
  }

  /** Whether the process, or the heap of this thread, really has more than it may, whatever was counted. */
  get isShort(): boolean {
    const now = this.#view.now();
    if (now < this.#nextLook && this.#countedBytes < lookBytes) return this.#isShort;
    const { maxResident } = this.#room;
    const resident = this.#view.residentBytes();
    const isHeapFull = this.#isHeapFull();
    this.#isShort = resident > maxResident || isHeapFull;
    this.#isSpent = resident > maxResident * (partForFew / partOfProcess) || isHeapFull;
    this.#nextLook = now + (this.#isShort ? shortLookMs : lookMs);
    this.#countedBytes = 0;
    return this.#isShort;
  }

  /** As it was looked at last: there is none even for who has little. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  /** Giving up what this worker has has just not helped. */
  get isHelpless(): boolean {
    return this.#view.now() < this.#nextCollection;
  }

  /** @param change bytes; below zero: an instance was given up that had them */
  count(change: number): void {
    this.#live += change;
    if (change < 0) this.#garbage -= change;
    else this.#countedBytes += change;
    this.#tell();
  }

  collect(): void {
    this.#collect();
    this.#nextLook = 0;
    if (this.isShort) this.#nextCollection = this.#view.now() + helplessMs;
  }

  #isHeapFull(): boolean {
    if (this.#view.heapShare() <= maxHeapShare) return false;
    // much of it may be garbage, which V8 leaves for as long as there is room
    if (!this.isHelpless) this.#collect();
    return this.#view.heapShare() > maxHeapShare;
  }

  #collect(): void {
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
