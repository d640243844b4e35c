// SPDX-License-Identifier: Apache-2.0
// Root's containers have their turns, and the main thread has time for all else.
import { EventEmitter, once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { ArrivalTurns } from '../../host/containers/arrival-turns.ts';

function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('A11: arrival turns: whoever finds nobody waiting has it at once', async () => {
  const turns = new ArrivalTurns();
  let isDone = false;

  const taken = turns.take(['c1'], () => {
    isDone = true;
  });

  expect(isDone).toBe(true);
  await taken;
});

test('A11: arrival turns: one container’s does not wait for many of another one, or of another namespace', async () => {
  const turns = new ArrivalTurns();
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
  const turns = new ArrivalTurns();
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

test('A11: arrival turns: what fails does so for whoever wanted it', async () => {
  const turns = new ArrivalTurns();
  const failing = turns.take(['a'], () => {
    throw new Error('it fails');
  });
  const after = turns.take(['a'], () => undefined);

  await expect(failing).rejects.toThrow('it fails');
  await after;
});

test('A11: arrival turns: what one only begins keeps nobody waiting, and fails for whoever wanted it', async () => {
  const turns = new ArrivalTurns();
  const later = new EventEmitter();
  const begun = turns.take(['a'], async () => once(later, 'end'));
  const after = turns.take(['a'], () => 'after');

  expect(await after).toBe('after');
  later.emit('error', new Error('it fails later'));
  await expect(begun).rejects.toThrow('it fails later');
});
