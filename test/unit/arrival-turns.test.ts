// SPDX-License-Identifier: Apache-2.0
// Containers have their turns, and the main thread has time for all else.
import { EventEmitter, once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { ArrivalTurns } from '../../host/scheduling/arrival-turns.ts';
import { busyFor } from '../support/busy.ts';

test('A11: arrival turns: whoever finds nobody waiting has it at once', async () => {
  const turns = new ArrivalTurns('root');
  let isDone = false;

  const taken = turns.take(['c1'], () => {
    isDone = true;
  });

  expect(isDone).toBe(true);
  await taken;
});

test('A11: arrival turns: one container’s does not wait for many of another one, or of another namespace', async () => {
  const turns = new ArrivalTurns('root');
  const order: string[] = [];
  const take = async (who: readonly string[]): Promise<void> =>
    turns.take(who, () => {
      busyFor(5);
      order.push(who.join(' '));
    });
  const many = Array.from({ length: 5 }, async () => take(['a', 'x']));
  const sibling = take(['b', 'x']);
  const other = take(['c', 'y']);

  await Promise.all([...many, sibling, other]);

  expect(order.slice(0, 3)).toEqual(['a x', 'c y', 'b x']);
});

test('A11: arrival turns: between two of them the main thread turns to others', async () => {
  const turns = new ArrivalTurns('root');
  const done: number[] = [];
  const all = Promise.all(
    Array.from({ length: 10 }, async (_, at) => turns.take(['a'], () => done.push(at))),
  );
  const seen: number[] = [];
  while (done.length < 10) {
    seen.push(done.length);
    await nextTurn();
  }
  await all;
  const steps = seen.slice(1).map((count, at) => count - (seen[at] ?? 0));
  expect(Math.max(...steps)).toBe(1);
});

test('A11: arrival turns: a failure reaches those who asked for the work', async () => {
  const turns = new ArrivalTurns('root');
  const failing = turns.take(['a'], () => {
    throw new Error('it fails');
  });
  const after = turns.take(['a'], () => undefined);

  await expect(failing).rejects.toThrow('it fails');
  await after;
});

test('A11: arrival turns: work that is only begun delays nobody, and fails for those who asked for it', async () => {
  const turns = new ArrivalTurns('root');
  const later = new EventEmitter();
  const begun = turns.take(['a'], async () => once(later, 'end'));
  const after = turns.take(['a'], () => 'after');

  expect(await after).toBe('after');
  later.emit('error', new Error('it fails later'));
  await expect(begun).rejects.toThrow('it fails later');
});

test('A11: arrival turns: a user who wants many waits for himself, and others do not wait for them', async () => {
  const turns = new ArrivalTurns('users');
  const order: string[] = [];
  const many = Array.from({ length: 5 }, async (_, at) =>
    turns.take(['user 1000'], () => order.push(`many ${at}`)),
  );
  const one = turns.take(['user 1001'], () => order.push('one'));

  await Promise.all([...many, one]);

  expect(order).toEqual(['many 0', 'one', 'many 1', 'many 2', 'many 3', 'many 4']);
});

test('A11: arrival turns: between two of users there is as much time for all else as one took', async () => {
  const turns = new ArrivalTurns('users');
  const workMs = 20;
  const times: { readonly began: number; readonly ended: number }[] = [];
  const work = (): void => {
    const began = performance.now();
    busyFor(workMs);
    times.push({ began, ended: performance.now() });
  };

  await Promise.all(Array.from({ length: 4 }, async () => turns.take(['user 1000'], work)));

  const pauses = times.slice(1).map(({ began }, at) => began - (times[at]?.ended ?? 0));
  // timers count whole milliseconds
  expect(Math.min(...pauses)).toBeGreaterThan(workMs - 2);
});
