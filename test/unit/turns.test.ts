// SPDX-License-Identifier: Apache-2.0
// Tests how much work is done at once, and whose turn it is.
import { setImmediate as turn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import type { Asker } from '../../host/handler/asker.ts';
import { SharedWork } from '../../host/handler/shared-work.ts';
import { Turns } from '../../host/handler/turns.ts';
import type { Wish } from '../../host/handler/turns.ts';

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

function wish(who: string, costMs: number): Wish {
  return { askers: [{ who: [who] }], costMs };
}

test('turns: whoever wants little waits for one of each other, however much they want', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  const greedy = ['a1', 'a2', 'a3', 'a4'].map(async (name) => turns.take(wish('a', 0), work(name)));
  await Promise.all([turns.take(wish('b', 0), work('b1')), turns.take(wish('c', 0), work('c1'))]);
  expect(begun.slice(0, 3)).toEqual(['a1', 'b1', 'c1']);
  await Promise.all(greedy);
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'a3', 'a4']);
});

test('A13: turns: whoever wants several small things waits for one that is running, of many that want large ones', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  const large = Array.from({ length: 10 }, async (_, index) =>
    turns.take(wish(`large${index}`, 20_000), work('large')),
  );
  const small = Array.from({ length: 4 }, async () =>
    turns.take(wish('small', 100), work('small')),
  );
  await Promise.all([...large, ...small]);
  expect(begun.slice(0, 5)).toEqual(['large', 'small', 'small', 'small', 'small']);
});

test('A13: turns: what nobody wants any more is not done', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  let isThere = true;
  const running = turns.take(wish('a', 0), work('a'));
  const left = turns.take(
    { askers: [{ who: ['b'], isWanted: () => isThere }], costMs: 0 },
    work('b'),
  );
  isThere = false;
  await Promise.all([running, left]);
  expect(begun).toEqual(['a']);
});

test('turns: what several want has the turn of the first of them', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  const greedy: Asker = { who: ['greedy'] };
  const shared = new Set([greedy]);
  const all = ['a1', 'a2', 'a3'].map(async (name) =>
    turns.take({ askers: [greedy], costMs: 0 }, work(name)),
  );
  all.push(turns.take({ askers: shared, costMs: 0 }, work('both')));
  shared.add({ who: ['other'] });
  await Promise.all(all);
  expect(begun).toEqual(['a1', 'both', 'a2', 'a3']);
});

test('turns: many of one namespace have no more turns than one of another one', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  const many = ['a1', 'a2', 'a3'].map(async (name) =>
    turns.take({ askers: [{ who: [name, 'namespace a'] }], costMs: 0 }, work(name)),
  );
  const one = turns.take({ askers: [{ who: ['b1', 'namespace b'] }], costMs: 0 }, work('b1'));
  await Promise.all([...many, one]);
  expect(begun).toEqual(['a1', 'b1', 'a2', 'a3']);
});

test('turns: so many are done at once', async () => {
  const { begun, work } = logged(2);
  const turns = new Turns(2);
  const all = ['a', 'b', 'c', 'd'].map(async (who) => turns.take(wish(who, 0), work(who)));
  expect(begun).toEqual(['a', 'b']);
  await Promise.all(all);
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
});

test('shared work: what several want is done once, and all who want it are known', async () => {
  const { begun, work } = logged();
  const shared = new SharedWork();
  const known: string[] = [];
  const take = async (name: string): Promise<void> =>
    shared.take('same', { who: [name] }, async (askers) => {
      await work(name)();
      known.push([...askers].flatMap(({ who }) => who).join(' '));
    });
  await Promise.all([take('first'), take('second')]);
  expect(begun).toEqual(['first']);
  await take('again');
  expect(begun).toEqual(['first', 'again']);
  expect(known).toEqual(['first second', 'again']);
});
