// SPDX-License-Identifier: Apache-2.0
// Tests that what is done for many leaves the main thread to others in between.
import { setImmediate as nextTurn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { begunInTurns, inTurns } from '../../host/scheduling/in-turns.ts';
import { busyFor } from '../support/busy.ts';

test('A7: in turns: who comes meanwhile waits for one, not for all', async () => {
  const done: number[] = [];
  const all = inTurns([1, 2, 3, 4], (item) => {
    busyFor(10);
    done.push(item);
  });
  expect(done).toEqual([1]);
  await nextTurn();
  expect(done.length).toBeLessThanOrEqual(2);
  await all;
  expect(done).toEqual([1, 2, 3, 4]);
});

test('in turns: work begun for many may fail before the last one is begun', async () => {
  const done: number[] = [];
  const all = begunInTurns([1, 2, 3, 4], async (item) => {
    busyFor(10);
    if (item === 1) throw new Error('the first one fails');
    await nextTurn();
    done.push(item);
  });
  await expect(all).rejects.toThrow('the first one fails');
  expect(done).toEqual([2, 3, 4]);
});
