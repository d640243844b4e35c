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
  /** Not the addon's: 1 while the main thread has not yet taken what a slot counted that is given back. */
  isGivenBack: 31,
  words: 32,
} as const;

/** Memory is taken by those only that are used. */
export const slotCount = 4096;
/** For calls of which not even the container is known. */
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
  withdrawn: 32,
  count: 64,
} as const;

/** Whose calls those are, and how they are answered. */
export interface CallLabels {
  readonly syscall: string;
  readonly handler: string;
  /** The one that the handler is of; empty: there is none. */
  readonly bundle: string;
  /** The errno that the caller is told, as a number; 0: none. */
  readonly status: string;
}

/** What a slot counts. */
export interface SlotName extends CallLabels {
  readonly slot: number;
  /** Of the container's listener. */
  readonly token: number;
}

/** The handler of answers that came from none: the registry's default, or a failure before any. */
export const noHandler = 'none';
/** The syscall whose number nobody knows. */
export const unknownSyscall = 'unknown';
/** What has no place of its own. */
export const other = 'other';

export const otherLabels: CallLabels = {
  syscall: other,
  handler: other,
  bundle: other,
  status: other,
};
export const unnamedLabels: CallLabels = {
  syscall: unknownSyscall,
  handler: noHandler,
  bundle: '',
  status: other,
};

/** The counters of one worker, all zero. */
export function makeCounters(): SharedArrayBuffer {
  return new SharedArrayBuffer(slotCount * slotLayout.words * BigUint64Array.BYTES_PER_ELEMENT);
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

  addAll({ buckets, sumSeconds }: Durations): void {
    this.add(buckets, 0);
    this.sumSeconds += sumSeconds;
  }
}

/** What was counted of calls. */
export class CallCounts {
  readonly ends: Record<CallEnd, number> = { value: 0, errno: 0, continue: 0, gone: 0, failed: 0 };
  readonly durations: Durations = new Durations();

  get calls(): number {
    return Object.values(this.ends).reduce((all, count) => all + count, 0);
  }

  add({ ends, durations }: CallCounts): void {
    for (const end of callEnds) this.ends[end] += ends[end];
    this.durations.addAll(durations);
  }
}

/** Why a handler did not answer. */
export type FailureReason =
  /** It trapped, or answered nonsense. */
  | 'trap'
  | 'deadline'
  /** It refused its settings. */
  | 'settings'
  /** The agent failed at something that the handler had asked it for. */
  | 'agent';
