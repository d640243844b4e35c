// SPDX-License-Identifier: Apache-2.0
// Tests that work is done one after the other, and whose turn it is.
import { expect, test } from 'vitest';

import { Turns } from '../../host/handler/turns.ts';

interface Log {
  readonly begun: string[];
  readonly work: (name: string) => () => Promise<void>;
}

/** Work that yields several times, so that others could come in between. */
function logged(): Log {
  const begun: string[] = [];
  let running = 0;
  return {
    begun,
    work: (name) => async () => {
      begun.push(name);
      running += 1;
      for (let pause = 0; pause < 5; pause += 1) await Promise.resolve();
      expect(running).toBe(1);
      running -= 1;
    },
  };
}

test('turns: whoever wants little waits for one of each other, however much they want', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  const greedy = ['a1', 'a2', 'a3', 'a4'].map((name) => turns.take('a', name, work(name)));
  await Promise.all([turns.take('b', 'b1', work('b1')), turns.take('c', 'c1', work('c1'))]);
  expect(begun.slice(0, 3)).toEqual(['a1', 'b1', 'c1']);
  await Promise.all(greedy);
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'a3', 'a4']);
});

test('turns: what somebody wants already is done once, and what was done is done again', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  await Promise.all([
    turns.take('a', 'same', work('first')),
    turns.take('a', 'same', work('second')),
    turns.take('b', 'same', work('of another')),
  ]);
  expect(begun).toEqual(['first', 'of another']);
  await turns.take('a', 'same', work('again'));
  expect(begun.at(-1)).toBe('again');
});
