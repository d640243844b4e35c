// SPDX-License-Identifier: Apache-2.0
// Calls on their way through the main thread: in their order, and never for long at a time.
import { setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { TapeTurns } from '../../host/recording/tape-turns.ts';

test('tape turns: all are handed on, in their order, and none at once', async () => {
  const turns = new TapeTurns();
  const taken: number[] = [];
  for (let call = 0; call < 5; call += 1) turns.add(() => taken.push(call));
  expect(taken).toEqual([]);
  await pause(20);
  turns.add(() => taken.push(5));
  await pause(20);
  expect(taken).toEqual([0, 1, 2, 3, 4, 5]);
});

test('A10: tape turns: a constant stream leaves half of the time to others', async () => {
  const turns = new TapeTurns();
  let taken = 0;
  let isOver = false;
  const again = (): void => {
    taken += 1;
    if (!isOver) turns.add(again);
  };
  turns.add(again);
  let ticks = 0;
  const end = performance.now() + 300;
  while (performance.now() < end) {
    await pause(1);
    ticks += 1;
  }
  expect(ticks).toBeGreaterThan(10);
  expect(taken).toBeGreaterThan(100);
  isOver = true;
});
