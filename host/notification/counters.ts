// SPDX-License-Identifier: Apache-2.0
// What the addon counts while calls are answered, in memory that all threads share: where it is, who
// names it, and its sum over the workers. Nothing here runs on a call's way.

/**
 * Upper bounds of the buckets of all durations, in seconds. The addon has the same, in nanoseconds.
 */
export const bucketBoundsSeconds: readonly number[] = [
  5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25,
  0.5, 1, 2.5, 5, 10,
];
/** The last one is of what is above all bounds. */
export const bucketCount: number = bucketBoundsSeconds.length + 1;

/** How calls end, in the order of their counters. */
export const callEnds = ['value', 'errno', 'continue', 'gone', 'failed'] as const;

export type CallEnd = (typeof callEnds)[number];

/** A worker's counters are slots of 64-bit words; these are words of a slot. */
export const slotLayout = {
  /** One for each of `callEnds`. */
  firstEnd: 0,
  durationSumNs: 5,
  /** Not cumulative. */
  firstBucket: 6,
  words: 32,
} as const;

export const slotCount = 256;
/** For calls that no slot was asked for: those whose number nobody knows. */
export const unnamedSlot = 0;
/** For all that the others are not enough for. */
export const otherSlot: number = slotCount - 1;

/** Words of what the addon's `receiverFigures` gives. */
export const figure = {
  received: 0,
  queued: 1,
  queueRefused: 2,
  restarted: 3,
  lateAnswers: 4,
  workers: 5,
  busyWorkers: 6,
  listeners: 7,
  fallbackReceived: 8,
  /** Not cumulative. */
  firstReceiveDelayBucket: 9,
  receiveDelaySumNs: 30,
  receiveDelayCount: 31,
  count: 64,
} as const;

/** What a slot counts. */
export interface SlotName {
  readonly slot: number;
  readonly syscall: string;
  readonly handler: string;
}

/** The handler of answers that came from none: the registry's default, or a failure before any. */
const noHandler = 'none';
/** The syscall whose number nobody knows. */
const unknownSyscall = 'unknown';
const other = 'other';

const ownNames: readonly SlotName[] = [
  { slot: unnamedSlot, syscall: unknownSyscall, handler: noHandler },
  { slot: otherSlot, syscall: other, handler: other },
];

/** The counters of one worker, all zero. */
export function makeCounters(): SharedArrayBuffer {
  return new SharedArrayBuffer(slotCount * slotLayout.words * BigUint64Array.BYTES_PER_ELEMENT);
}

/**
 * A value for each pair of a syscall and a handler, made when it is first asked for. Two maps, since
 * no character is certain to be in neither name.
 */
class PairMap<T> {
  readonly #bySyscall: Map<string, Map<string, T>> = new Map();

  get(syscall: string, handler: string, make: () => T): T {
    const byHandler = this.#bySyscall.get(syscall) ?? new Map<string, T>();
    this.#bySyscall.set(syscall, byHandler);
    const known = byHandler.get(handler);
    if (known !== undefined) return known;
    const made = make();
    byHandler.set(handler, made);
    return made;
  }
}

export interface SlotBookParts {
  /** What the block's slots were given out for by a worker that had it before. */
  readonly taken: readonly SlotName[];
  /** Told of a slot before it is used. */
  readonly announce: (name: SlotName) => void;
}

/** In a worker: gives the slots of its counters out. */
export class SlotBook {
  readonly #slots: PairMap<number> = new PairMap();
  readonly #announce: (name: SlotName) => void;
  #next = unnamedSlot + 1;

  constructor({ taken, announce }: SlotBookParts) {
    this.#announce = announce;
    for (const { slot, syscall, handler } of taken) {
      this.#slots.get(syscall, handler, () => slot);
      this.#next = Math.max(this.#next, slot + 1);
    }
  }

  /**
   * The slot for the calls of a syscall that a handler answers. The caller keeps it: this is too slow
   * for every call.
   * @param handler undefined for answers that no handler gave
   */
  slotFor(syscall: string, handler: string = noHandler): number {
    return this.#slots.get(syscall, handler, () => this.#take(syscall, handler));
  }

  #take(syscall: string, handler: string): number {
    if (this.#next >= otherSlot) return otherSlot;
    const slot = this.#next;
    this.#next += 1;
    this.#announce({ slot, syscall, handler });
    return slot;
  }
}

/** In the main thread: the counters of one worker at a time, with what their slots are for. */
export class CounterBlock {
  readonly buffer: SharedArrayBuffer = makeCounters();
  readonly #words: BigUint64Array = new BigUint64Array(this.buffer);
  readonly #names: SlotName[] = [];

  /** What a worker's `SlotBook` starts with. */
  get taken(): readonly SlotName[] {
    return this.#names;
  }

  /** Takes what a worker's `SlotBook` announced. */
  name(name: SlotName): void {
    this.#names.push(name);
  }

  /** Adds what each slot has counted to a total. */
  addTo(totalOf: (name: SlotName) => CallTotals): void {
    for (const name of [...this.#names, ...ownNames]) {
      const start = name.slot * slotLayout.words;
      const word = (index: number): number => Number(Atomics.load(this.#words, start + index));
      const counted = callEnds.map((_, index) => word(slotLayout.firstEnd + index));
      const isNamed = name.slot !== unnamedSlot && name.slot !== otherSlot;
      if (!isNamed && counted.every((count) => count === 0)) continue;
      const total = totalOf(name);
      callEnds.forEach((end, index) => {
        total.ends[end] += counted[index] ?? 0;
      });
      total.durations.add(
        Array.from({ length: bucketCount }, (_, index) => word(slotLayout.firstBucket + index)),
        word(slotLayout.durationSumNs),
      );
    }
  }
}

/** A histogram's counts, not cumulative. */
export class Durations {
  readonly buckets: number[] = Array.from({ length: bucketCount }, () => 0);
  sumSeconds = 0;

  add(buckets: readonly number[], sumNs: number): void {
    buckets.forEach((count, index) => {
      this.buckets[index] = (this.buckets[index] ?? 0) + count;
    });
    this.sumSeconds += sumNs / 1e9;
  }
}

/** All that was counted for a syscall and a handler. */
export interface CallTotals {
  readonly syscall: string;
  readonly handler: string;
  readonly ends: Record<CallEnd, number>;
  readonly durations: Durations;
}

/**
 * In the main thread: the counters of all workers. A worker that takes another's place goes on with
 * its counters, so that no sum ever goes down and there are never more blocks than there were workers
 * at a time.
 */
export class CounterSum {
  readonly #blocks: Set<CounterBlock> = new Set();
  readonly #free: CounterBlock[] = [];

  /** The counters for a worker that is about to start. */
  take(): CounterBlock {
    const block = this.#free.pop() ?? new CounterBlock();
    this.#blocks.add(block);
    return block;
  }

  /** To be called once the worker's thread has ended, and not before. */
  retire(block: CounterBlock): void {
    if (this.#blocks.has(block) && !this.#free.includes(block)) this.#free.push(block);
  }

  /** What was counted until now, each pair of syscall and handler once. */
  totals(): readonly CallTotals[] {
    const all: CallTotals[] = [];
    const pairs = new PairMap<CallTotals>();
    for (const block of this.#blocks) {
      block.addTo(({ syscall, handler }) =>
        pairs.get(syscall, handler, () => {
          const made = { syscall, handler, ends: noEnds(), durations: new Durations() };
          all.push(made);
          return made;
        }),
      );
    }
    return all;
  }
}

function noEnds(): Record<CallEnd, number> {
  return { value: 0, errno: 0, continue: 0, gone: 0, failed: 0 };
}
