// SPDX-License-Identifier: Apache-2.0
// Calls on their way through the main thread: in their order, and never for long at a time.
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { TapeTurns } from '../../host/recording/tape-turns.ts';

const patience = { timeout: 30_000 };

test('tape turns: all are handed on, in their order, and none at once', async () => {
  const turns = new TapeTurns();
  const taken: number[] = [];
  for (let call = 0; call < 5; call += 1) turns.add(call, () => taken.push(call));
  expect(taken).toEqual([]);
  await expect.poll(() => taken.length, patience).toBe(5);
  turns.add(5, () => taken.push(5));
  await expect.poll(() => taken, patience).toEqual([0, 1, 2, 3, 4, 5]);
});

test('tape turns: messages of workers come in any order', async () => {
  const turns = new TapeTurns();
  const taken: number[] = [];
  const add = (order: number): void => {
    turns.add(order, () => taken.push(order));
  };
  add(3);
  // in the next turn of the loop
  await immediate();
  add(1);
  add(4);
  add(2);
  await expect.poll(() => taken, patience).toEqual([1, 2, 3, 4]);
});

test('tape turns: numbers begin anew', async () => {
  const turns = new TapeTurns();
  const taken: number[] = [];
  for (const order of [-(2 ** 31), 2 ** 31 - 1, -(2 ** 31) + 1, 2 ** 31 - 2]) {
    turns.add(order, () => taken.push(order));
  }
  await expect
    .poll(() => taken, patience)
    .toEqual([2 ** 31 - 2, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1]);
});

test('A10: tape turns: a constant stream leaves time to others', async () => {
  const turns = new TapeTurns();
  let taken = 0;
  let isOver = false;
  const again = (): void => {
    taken += 1;
    if (!isOver) turns.add(taken, again);
  };
  turns.add(0, again);
  // others come about, and so does the stream
  for (let tick = 0; tick < 10; tick += 1) await pause(1);
  await expect.poll(() => taken, patience).toBeGreaterThan(100);
  isOver = true;
});
