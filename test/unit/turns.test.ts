// SPDX-License-Identifier: Apache-2.0
// Tests how much work is done at once, and whose turn it is.
import { setImmediate as turn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { SharedWork } from '../../host/handler/shared-work.ts';
import { Turns } from '../../host/handler/turns.ts';

interface Log {
  readonly begun: string[];
  readonly work: (name: string) => () => Promise<void>;
}

/** Work that yields several times, so that others could come in between. */
function logged(atOnce = 1): Log {
  const begun: string[] = [];
  let running = 0;
  return {
    begun,
    work: (name) => async () => {
      begun.push(name);
      running += 1;
      for (let pause = 0; pause < 5; pause += 1) await turn();
      expect(running).toBeLessThanOrEqual(atOnce);
      running -= 1;
    },
  };
}

test('turns: whoever wants little waits for one of each other, however much they want', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  const greedy = ['a1', 'a2', 'a3', 'a4'].map(async (name) =>
    turns.take({ who: 'a', costMs: 0 }, work(name)),
  );
  await Promise.all([
    turns.take({ who: 'b', costMs: 0 }, work('b1')),
    turns.take({ who: 'c', costMs: 0 }, work('c1')),
  ]);
  expect(begun.slice(0, 3)).toEqual(['a1', 'b1', 'c1']);
  await Promise.all(greedy);
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'a3', 'a4']);
});

test('A13: turns: whoever wants several small things waits for one that is running, of many that want large ones', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  const large = Array.from({ length: 10 }, async (_, index) =>
    turns.take({ who: `large${index}`, costMs: 20_000 }, work('large')),
  );
  const small = Array.from({ length: 4 }, async () =>
    turns.take({ who: 'small', costMs: 100 }, work('small')),
  );
  await Promise.all([...large, ...small]);
  expect(begun.slice(0, 5)).toEqual(['large', 'small', 'small', 'small', 'small']);
});

test('A13: turns: what nobody wants any more is not done', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  let isThere = true;
  const running = turns.take({ who: 'a', costMs: 0 }, work('a'));
  const left = turns.take({ who: 'b', costMs: 0, isWanted: () => isThere }, work('b'));
  isThere = false;
  await Promise.all([running, left]);
  expect(begun).toEqual(['a']);
});

test('turns: so many are done at once', async () => {
  const { begun, work } = logged(2);
  const turns = new Turns(2);
  const all = ['a', 'b', 'c', 'd'].map(async (who) => turns.take({ who, costMs: 0 }, work(who)));
  expect(begun).toEqual(['a', 'b']);
  await Promise.all(all);
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
});

test('shared work: what several want is done once, as long as one of them wants it', async () => {
  const { begun, work } = logged();
  const shared = new SharedWork();
  const wanted: boolean[] = [];
  const take = async (name: string, isWish: boolean): Promise<void> =>
    shared.take(
      'same',
      () => isWish,
      async (isWanted) => {
        await work(name)();
        wanted.push(isWanted());
      },
    );
  await Promise.all([take('first', false), take('second', true)]);
  expect(begun).toEqual(['first']);
  await take('again', false);
  expect(begun).toEqual(['first', 'again']);
  expect(wanted).toEqual([true, false]);
});
