// SPDX-License-Identifier: Apache-2.0
// Tests a queue that others fill as fast as it is emptied: the main thread has time for all else.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { Drain } from '../../host/scheduling/drain.ts';

test('Drain: endless work continues, and others have their turns', async () => {
  let steps = 0;
  using drain = new Drain(() => {
    steps += 1;
    return 'more';
  });

  drain.run();
  const first = steps;
  expect(first).toBeGreaterThan(0);
  expect(drain.isUnderWay).toBe(true);
  await pause(100);

  expect(steps).toBeGreaterThan(first);
});

test('Drain: nothing is done any more once it is disposed of, also by a step', async () => {
  let steps = 0;
  const drain = new Drain(() => {
    steps += 1;
    if (steps === 2) drain[Symbol.dispose]();
    return 'more';
  });

  drain.run();
  await pause(50);

  expect(steps).toBe(2);
  expect(drain.isUnderWay).toBe(false);
});
