// SPDX-License-Identifier: Apache-2.0
// Counters that the addon keeps while calls are answered, in memory that all threads share. C++ has
// them from here: `npm run generate`.
import { sizeOf, wordsOf } from './layout.ts';
import type { Places } from './layout.ts';

/** Upper bounds of the buckets of all durations. */
export const bucketBoundsMicroseconds: readonly number[] = [
  5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
  1_000_000, 2_500_000, 5_000_000, 10_000_000,
];
/** The last one counts durations above all bounds. */
export const bucketCount: number = bucketBoundsMicroseconds.length + 1;

/** Ends of calls, in the order of their counters. */
export const callEnds = ['value', 'errno', 'continue', 'gone', 'failed'] as const;

/** The calls of one (syscall, handler). */
export const slotFields = {
  /** One for each of `callEnds`. */
  ends: ['u64', 5],
  durationSumNs: 'u64',
  /** One for each of `bucketCount`, not cumulative. */
  buckets: ['u64', 21],
  unused: ['u64', 4],
  /**
   * Of the host alone: 1 while the main thread has not yet taken the counts of a slot that was given
   * back.
   */
  isGivenBack: 'u64',
} as const;

/** A worker's counters are slots of 64-bit words; these are words of a slot. */
export const slotLayout: Places<typeof slotFields> & { readonly words: number } = {
  ...wordsOf(slotFields, 8),
  words: sizeOf(slotFields) / 8,
};

/** Only used slots take memory. */
export const slotCount = 4096;

/** Result of `receiverFigures`. */
export const figureFields = {
  received: 'u64',
  queued: 'u64',
  queueRefused: 'u64',
  restarted: 'u64',
  lateAnswers: 'u64',
  workers: 'u64',
  busyWorkers: 'u64',
  listeners: 'u64',
  fallbackReceived: 'u64',
  /** One for each of `bucketCount`, not cumulative. */
  receiveDelayBuckets: ['u64', 21],
  receiveDelaySumNs: 'u64',
  receiveDelayCount: 'u64',
  withdrawn: 'u64',
} as const;

/** In 64-bit words. */
export const figure: Places<typeof figureFields> & { readonly count: number } = {
  ...wordsOf(figureFields, 8),
  count: sizeOf(figureFields) / 8,
};
