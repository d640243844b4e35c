// SPDX-License-Identifier: Apache-2.0
// Tests how often it is told that a container is stopped for what it calls.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { ContainerKey } from '../../host/agent-socket/container-key.ts';
import { ToldStops } from '../../host/worker/container-stop.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const key = (id: string): ContainerKey => `0/${id}`;

test('ToldStops: each container is told of once a minute, however often it is stopped', () => {
  const told = new ToldStops();
  expect(told.take(key('a'))).toBe(true);
  vi.advanceTimersByTime(30_000);
  expect(told.take(key('b'))).toBe(true);
  const again = Array.from({ length: 3000 }, () => [told.take(key('a')), told.take(key('b'))]);
  expect(again.flat()).not.toContain(true);
  vi.advanceTimersByTime(30_000);
  expect([told.take(key('a')), told.take(key('b'))]).toEqual([true, false]);
  vi.advanceTimersByTime(30_000);
  expect([told.take(key('a')), told.take(key('b'))]).toEqual([false, true]);
});
