// SPDX-License-Identifier: Apache-2.0
// Tests deadlines with threads that stand still.
import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { startDeadline } from '../../host/scheduling/deadline.ts';

const limitMs = 5000;

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('with a clock of the test’s own', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('A19: deadline: it ends once, in time', () => {
    const end = vi.fn<() => void>();
    startDeadline(limitMs, end);
    vi.advanceTimersByTime(limitMs - 1);
    expect(end).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10 * limitMs);
    expect(end).toHaveBeenCalledTimes(1);
  });

  test('A19: deadline: one that is cleared does not end', () => {
    const end = vi.fn<() => void>();
    clearTimeout(startDeadline(limitMs, end));
    vi.advanceTimersByTime(10 * limitMs);
    expect(end).not.toHaveBeenCalled();
  });
});

test('A19: deadline: time in which the thread stands still does not count', async () => {
  const happened: string[] = [];
  const timer = startDeadline(20, () => happened.push('over'));
  standStill(500);
  setTimeout(() => happened.push('heard'), 0);
  while (happened.length === 0) await nextTurn();
  expect(happened[0]).toBe('heard');
  clearTimeout(timer);
});
