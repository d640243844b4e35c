// SPDX-License-Identifier: Apache-2.0
// Tests how often workers are started in place of those that were ended.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { StartRate } from '../../host/worker/start-rate.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function takenIn(rate: StartRate, ms: number): number {
  let taken = 0;
  const tryIt = (): void => {
    while (rate.take(tryIt)) taken += 1;
  };
  tryIt();
  vi.advanceTimersByTime(ms);
  return taken;
}

test('A2: StartRate: some are started at once, and then four in a second', () => {
  using rate = new StartRate(3);
  expect(takenIn(rate, 0)).toBe(3);
  vi.advanceTimersByTime(249);
  expect(rate.take(() => undefined)).toBe(false);
});

test('A2: StartRate: those that wait are started as soon as they may be', () => {
  using rate = new StartRate(3);
  expect(takenIn(rate, 2010)).toBe(3 + 8);
});

test('A2: StartRate: after a while there are as many again, and no more', () => {
  using rate = new StartRate(2);
  for (let start = 0; start < 3; start += 1) rate.take(() => undefined);
  vi.advanceTimersByTime(60_000);
  expect(takenIn(rate, 0)).toBe(2);
});
