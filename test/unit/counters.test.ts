// SPDX-License-Identifier: Apache-2.0
// Tests what the addon's counters look like.
import { describe, expect, test } from 'vitest';

import {
  CallCounts,
  Durations,
  bucketBoundsSeconds,
  bucketCount,
  callEnds,
  figure,
  makeCounters,
  slotCount,
  slotLayout,
} from '../../host/counting/counters.ts';

describe('layout', () => {
  test('a slot holds an end each, the sum, the buckets and a flag', () => {
    expect(slotLayout.durationSumNs).toBe(callEnds.length);
    expect(slotLayout.buckets + bucketCount).toBeLessThanOrEqual(slotLayout.isGivenBack);
    expect(slotLayout.isGivenBack).toBeLessThan(slotLayout.words);
    expect(makeCounters().byteLength).toBe(slotCount * slotLayout.words * 8);
  });

  test('the bounds rise', () => {
    expect(bucketBoundsSeconds).toEqual(bucketBoundsSeconds.toSorted((a, b) => a - b));
    expect(new Set(bucketBoundsSeconds).size).toBe(20);
  });

  test('the figures of the receive delay do not overlap', () => {
    expect(figure.receiveDelayBuckets + bucketCount).toBe(figure.receiveDelaySumNs);
    expect(figure.receiveDelaySumNs).toBeLessThan(figure.count);
  });
});

test('Durations: adds bucket by bucket, in seconds', () => {
  const durations = new Durations();
  durations.add([1, 2], 1_500_000_000);
  durations.add([0, 1], 500_000_000);
  expect(durations.buckets.slice(0, 3)).toEqual([1, 3, 0]);
  expect(durations.buckets).toHaveLength(bucketCount);
  expect(durations.sumSeconds).toBe(2);
});

test('CallCounts: adds all that was counted', () => {
  const [one, two] = [new CallCounts(), new CallCounts()];
  two.ends.errno = 2;
  two.ends.gone = 1;
  two.durations.add([0, 3], 4_000_000_000);
  one.add(two);
  one.add(two);
  expect(one.ends).toEqual({ value: 0, errno: 4, continue: 0, gone: 2, failed: 0 });
  expect(one.calls).toBe(6);
  expect(one.durations.buckets.slice(0, 2)).toEqual([0, 6]);
  expect(one.durations.sumSeconds).toBe(8);
});
