// SPDX-License-Identifier: Apache-2.0
// Tests a queue that others fill as fast as it is emptied: the main thread has time for all else.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { Draining } from '../../host/scheduling/draining.ts';

test('draining: endless work continues, and others have their turns', async () => {
  let steps = 0;
  using draining = new Draining(() => {
    steps += 1;
    return 'more';
  });

  draining.run();
  const first = steps;
  expect(first).toBeGreaterThan(0);
  expect(draining.isUnderWay).toBe(true);
  await pause(100);

  expect(steps).toBeGreaterThan(first);
});

test('draining: nothing is done any more once it is disposed of, also by a step', async () => {
  let steps = 0;
  const draining = new Draining(() => {
    steps += 1;
    if (steps === 2) draining[Symbol.dispose]();
    return 'more';
  });

  draining.run();
  await pause(50);

  expect(steps).toBe(2);
  expect(draining.isUnderWay).toBe(false);
});
