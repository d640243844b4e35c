// SPDX-License-Identifier: Apache-2.0
// Users have their turns, and the main thread has time for all else.
import { expect, test } from 'vitest';

import { UserTurns } from '../../host/containers/user-turns.ts';

function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('A11: user turns: whoever finds nobody waiting has his at once', async () => {
  const turns = new UserTurns();
  let isDone = false;

  const taken = turns.take(1000, () => {
    isDone = true;
  });

  expect(isDone).toBe(true);
  await taken;
});

test('A11: user turns: a user who wants many waits no longer than his own take, and others do not wait for them', async () => {
  const turns = new UserTurns();
  const order: string[] = [];
  const many = Array.from({ length: 5 }, async (_, at) =>
    turns.take(1000, () => order.push(`many ${at}`)),
  );
  const one = turns.take(1001, () => order.push('one'));

  await Promise.all([...many, one]);

  expect(order).toEqual(['many 0', 'many 1', 'one', 'many 2', 'many 3', 'many 4']);
});

test('A11: user turns: between two there is as much time for all else as one took', async () => {
  const turns = new UserTurns();
  const workMs = 20;
  const times: { readonly began: number; readonly ended: number }[] = [];
  const work = (): void => {
    const began = performance.now();
    busyFor(workMs);
    times.push({ began, ended: performance.now() });
  };

  await Promise.all(Array.from({ length: 4 }, async () => turns.take(1000, work)));

  const pauses = times.slice(1).map(({ began }, at) => began - (times[at]?.ended ?? 0));
  // timers count whole milliseconds
  expect(Math.min(...pauses)).toBeGreaterThan(workMs - 2);
});

test('A11: user turns: what fails does so for whoever wanted it', async () => {
  const turns = new UserTurns();
  const failing = turns.take(1000, () => {
    throw new Error('it fails');
  });
  const after = turns.take(1000, () => undefined);

  await expect(failing).rejects.toThrow('it fails');
  await after;
});
