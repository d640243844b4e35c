// SPDX-License-Identifier: Apache-2.0
// Tests that what is done for many leaves the main thread to others in between.
import { setImmediate as nextTurn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { inTurns } from '../../host/in-turns.ts';

function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('A7: in turns: who comes meanwhile waits for one, not for all', async () => {
  const done: number[] = [];
  const all = inTurns([1, 2, 3, 4], (item) => {
    busy(10);
    done.push(item);
  });
  expect(done).toEqual([1]);
  await nextTurn();
  expect(done.length).toBeLessThanOrEqual(2);
  await all;
  expect(done).toEqual([1, 2, 3, 4]);
});
