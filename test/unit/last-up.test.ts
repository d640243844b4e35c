// SPDX-License-Identifier: Apache-2.0
// Tests for how long no worker may be up before that is told.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { LastUp } from '../../host/worker/last-up.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('A2: LastUp: a moment without workers is not long, however often there is one', () => {
  const lastUp = new LastUp();
  for (let round = 0; round < 10; round += 1) {
    vi.advanceTimersByTime(4999);
    expect(lastUp.isLongAgo).toBe(false);
    lastUp.note();
  }
  vi.advanceTimersByTime(5000);
  expect(lastUp.isLongAgo).toBe(true);
  lastUp.note();
  expect(lastUp.isLongAgo).toBe(false);
});
