// SPDX-License-Identifier: Apache-2.0
// Tests how often work is done that anybody may ask for, with a clock of the test's own.
import { setTimeout as pause } from 'node:timers/promises';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Paced } from '../../host/scheduling/paced.ts';

// the timers of node:timers/promises are not the faked ones
vi.mock('node:timers/promises', () => ({
  setTimeout: async (ms: number) =>
    new Promise((resolve) => {
      setTimeout(resolve, ms);
    }),
}));

const workMs = 100;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

class Counted {
  done = 0;
  isBroken = false;
  readonly paced: Paced<number>;

  constructor(keptMs = 0) {
    this.paced = new Paced({
      work: async () => {
        await pause(workMs);
        this.done += 1;
        if (this.isBroken) throw new Error('broken');
        return this.done;
      },
      pauseMs: (tookMs) => 9 * tookMs,
      keptMs: () => keptMs,
    });
  }
}

test('G4: paced: work that is asked for all the time takes its share of the time', async () => {
  const counted = new Counted();
  const over = new AbortController();
  const askers = Array.from({ length: 50 }, async () => {
    while (!over.signal.aborted) await counted.paced.ask();
  });
  await vi.advanceTimersByTimeAsync(10_000);
  over.abort();
  await vi.advanceTimersByTimeAsync(1000);
  await Promise.all(askers);
  expect(counted.done * workMs).toBeLessThanOrEqual(11_000 / 10 + workMs);
  expect(counted.done).toBeGreaterThan(9);
});

test('paced: all who ask until it is done have the same, and the next one has its own', async () => {
  const counted = new Counted();
  const first = [counted.paced.ask(), counted.paced.ask()];
  await vi.advanceTimersByTimeAsync(workMs);
  expect(await Promise.all(first)).toEqual([1, 1]);
  const next = counted.paced.ask();
  await vi.advanceTimersByTimeAsync(10 * workMs);
  expect(await next).toBe(2);
});

test('paced: a result is given again for a while, and no longer', async () => {
  const counted = new Counted(200);
  const first = counted.paced.ask();
  await vi.advanceTimersByTimeAsync(workMs);
  expect(await first).toBe(1);
  await vi.advanceTimersByTimeAsync(199);
  expect(await counted.paced.ask()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  const next = counted.paced.ask();
  await vi.advanceTimersByTimeAsync(10 * workMs);
  expect(await next).toBe(2);
});

test('paced: what fails fails for those who have waited, and for nobody after', async () => {
  const counted = new Counted(200);
  counted.isBroken = true;
  const first = Promise.allSettled([counted.paced.ask(), counted.paced.ask()]);
  await vi.advanceTimersByTimeAsync(workMs);
  expect((await first).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  counted.isBroken = false;
  const next = counted.paced.ask();
  await vi.advanceTimersByTimeAsync(10 * workMs);
  expect(await next).toBe(2);
});
