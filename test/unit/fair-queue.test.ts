// SPDX-License-Identifier: Apache-2.0
// Whose turn it is: whoever makes much to do, or what takes long, waits for itself.
import { expect, test } from 'vitest';

import { FairQueue } from '../../host/scheduling/fair-queue.ts';

test('fair queue: those of one are in their order, and nothing is left', () => {
  const queue = new FairQueue<number>();
  for (const item of [1, 2, 3, 4]) queue.add('a', item);
  expect(queue.take(3)).toEqual({ who: 'a', items: [1, 2, 3] });
  queue.end('a', 1, [2, 3]);
  expect(queue.take(9)).toEqual({ who: 'a', items: [2, 3, 4] });
  queue.end('a', 1);
  expect(queue.take(1)).toBeUndefined();
});

test('fair queue: the owner of slow work waits for it', () => {
  const queue = new FairQueue<string>();
  for (let time = 0; time < 100; time += 1) queue.add('slow', 'slow');
  expect(queue.take(1)?.who).toBe('slow');
  queue.end('slow', 1000);
  for (let time = 0; time < 100; time += 1) queue.add('quick', 'quick');
  for (let time = 0; time < 100; time += 1) {
    expect(queue.take(1)?.who).toBe('quick');
    queue.end('quick', 1);
  }
  expect(queue.take(1)?.who).toBe('slow');
});

test('fair queue: who comes anew has no more time than those who are there', () => {
  const queue = new FairQueue<string>();
  const take = (): string => {
    const who = queue.take(1)?.who ?? '';
    queue.end(who, 10);
    return who;
  };
  const fill = (who: string): void => {
    for (let time = 0; time < 20; time += 1) queue.add(who, who);
  };
  fill('old');
  for (let time = 0; time < 10; time += 1) take();
  fill('new');
  const taken = Array.from({ length: 10 }, take);
  expect(taken.filter((who) => who === 'old').length).toBeGreaterThanOrEqual(4);
});

test('fair queue: work that nobody waits for is taken out', () => {
  const queue = new FairQueue<number>();
  for (const item of [1, 2, 3, 4]) queue.add('a', item);
  expect(queue.remove('a', (item) => item % 2 === 0)).toEqual([2, 4]);
  expect(queue.remove('b', () => true)).toEqual([]);
  queue.add('b', 5);
  expect(queue.take(1)?.items).toEqual([1]);
  expect(queue.clear()).toEqual([3, 5]);
  expect(queue.take(1)).toBeUndefined();
});
