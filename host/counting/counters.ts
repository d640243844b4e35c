// SPDX-License-Identifier: Apache-2.0
// Counters of the addon for answered calls, in memory that all threads share: their places, their
// names, and their sums over the workers. Nothing here runs on a call's way.
import {
  bucketBoundsMicroseconds,
  bucketCount,
  callEnds,
  slotCount,
  slotLayout,
} from '../border/counters.ts';

export { bucketCount, callEnds, figure, slotCount, slotLayout } from '../border/counters.ts';

/** Upper bounds of the buckets of all durations. */
export const bucketBoundsSeconds: readonly number[] = bucketBoundsMicroseconds.map(
  (bound) => bound / 1e6,
);

export type CallEnd = (typeof callEnds)[number];

/** For calls of which not even the container is known. */
export const unnamedSlot = 0;
/** For all that the others are not enough for. */
export const otherSlot: number = slotCount - 1;

/** Syscall, handler and answer of calls. */
export interface CallLabels {
  readonly syscall: string;
  readonly handler: string;
  /** The one that the handler is of; empty: there is none. */
  readonly bundle: string;
  /** The errno that the caller is told, as a number; 0: none. */
  readonly status: string;
}

/** Labels of a slot. */
export interface SlotName extends CallLabels {
  readonly slot: number;
  /** Of the container's listener. */
  readonly token: number;
}

/** The handler of answers that came from none: the registry's default, or a failure before any. */
export const noHandler = 'none';
/** The syscall whose number nobody knows. */
export const unknownSyscall = 'unknown';
/** Labels of a value without a place of its own. */
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

const noneInBuckets: readonly number[] = Array.from({ length: bucketCount }, () => 0);

/** A histogram's counts, not cumulative. */
export class Durations {
  readonly buckets: number[] = [...noneInBuckets];
  sumSeconds = 0;

  add(buckets: readonly number[], sumNs: number): void {
    buckets.forEach((count, index) => {
      this.buckets[index] = (this.buckets[index] ?? 0) + count;
    });
    this.sumSeconds += sumNs / 1e9;
  }

  addAll({ buckets, sumSeconds }: Durations): void {
    for (let index = 0; index < bucketCount; index += 1) {
      this.buckets[index] = (this.buckets[index] ?? 0) + (buckets[index] ?? 0);
    }
    this.sumSeconds += sumSeconds;
  }
}

/** Counts of calls. */
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
  /** It trapped, or gave an invalid answer. */
  | 'trap'
  | 'deadline'
  /** It rejected its settings. */
  | 'settings'
  /** The agent failed at something that the handler had asked it for. */
  | 'agent';
