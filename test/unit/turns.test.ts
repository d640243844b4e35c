// SPDX-License-Identifier: Apache-2.0
// Tests how much work is done at once, and whose turn it is.
import { setImmediate as turn } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { Askers, whileWanted } from '../../host/scheduling/asker.ts';
import type { Asker } from '../../host/scheduling/asker.ts';
import { SharedWork } from '../../host/scheduling/shared-work.ts';
import { Turns } from '../../host/scheduling/turns.ts';
import type { Wish } from '../../host/scheduling/turns.ts';

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
  return { askers: new Askers({ who: [who] }), costMs };
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

test('A13: turns: work that nobody wants any more is not done', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  let isThere = true;
  const running = turns.take(wish('a', 0), work('a'));
  const left = turns.take(
    { askers: new Askers({ who: ['b'], isWanted: () => isThere }), costMs: 0 },
    work('b'),
  );
  isThere = false;
  await Promise.all([running, left]);
  expect(begun).toEqual(['a']);
});

test('turns: work for several has the turn of the first of them', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  const greedy: Asker = { who: ['greedy'] };
  const shared = new Askers(greedy);
  const all = ['a1', 'a2', 'a3'].map(async (name) =>
    turns.take({ askers: new Askers(greedy), costMs: 0 }, work(name)),
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
    turns.take({ askers: new Askers({ who: [name, 'namespace a'] }), costMs: 0 }, work(name)),
  );
  const other = new Askers({ who: ['b1', 'namespace b'] });
  const one = turns.take({ askers: other, costMs: 0 }, work('b1'));
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

test('turns: of many who want the same, few are asked whether they still wait', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  const [executions, wishes] = [240, 64];
  let asked = 0;
  let isThere = true;
  const askers = Array.from({ length: executions }, (_, index): Asker => ({
    // of two containers
    who: [`container ${index % 2}`],
    isWanted: () => {
      asked += 1;
      return isThere;
    },
  }));
  const [first = { who: [] }, ...others] = askers;
  const shared = new Askers(first);
  for (const other of others) shared.add(other);
  asked = 0;
  const names = Array.from({ length: wishes }, (_, index) => `w${index}`);
  const all = names.map(async (name) => turns.take({ askers: shared, costMs: 0 }, work(name)));
  await all[wishes / 2];
  expect(begun).toEqual(names.slice(0, begun.length));
  expect(asked).toBeLessThanOrEqual(begun.length);

  // each of them once more
  isThere = false;
  await Promise.all(all);
  expect(begun.length).toBeLessThan(wishes);
  expect(asked).toBeLessThanOrEqual(begun.length + executions);
});

test('turns: who comes later has a turn as long as one of those like it waits', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  const running = turns.take(wish('a', 0), work('a'));
  const left = new Askers({ who: ['b'], isWanted: () => false });
  const wanted = turns.take({ askers: left, costMs: 0 }, work('b'));
  left.add({ who: ['b'] });
  await Promise.all([running, wanted]);
  expect(begun).toEqual(['a', 'b']);
});

test('turns: who has gone is not kept for as long as another one of its container waits', () => {
  const waiting = new Set<number>();
  let asked = 0;
  const asker = (number: number): Asker => ({
    who: ['a'],
    isWanted: () => {
      asked += 1;
      return waiting.has(number);
    },
  });
  waiting.add(0);
  const askers = new Askers(asker(0));
  for (let number = 1; number <= 100; number += 1) {
    waiting.add(number);
    askers.add(asker(number));
    waiting.delete(number);
  }
  expect([askers.areWaiting, askers.areWaiting]).toEqual([true, true]);
  expect(asked).toBe(102);
  asked = 0;
  expect(askers.areWaiting).toBe(true);
  expect(asked).toBe(1);
});

test('turns: who waits for what others go on to want learns that nobody waits for it', async () => {
  let isThere = true;
  const endless = new Promise<void>(() => undefined);
  const waited = whileWanted(endless, () => isThere, 1);
  isThere = false;
  await waited;
  await expect(whileWanted(Promise.reject(new Error('it fails')), () => true)).rejects.toThrow(
    'it fails',
  );
});

test('turns: of what the same want, what costs least is first', async () => {
  const { begun, work } = logged();
  const turns = new Turns();
  const askers = new Askers({ who: ['a'] });
  const costs = [5, 3, 1, 3];
  const all = costs.map(async (costMs, at) =>
    turns.take({ askers, costMs }, work(`${costMs} ${at}`)),
  );
  await Promise.all(all);
  expect(begun).toEqual(['5 0', '1 2', '3 1', '3 3']);
});

test('shared work: work for several is done once, and all of them are known', async () => {
  const { begun, work } = logged();
  const shared = new SharedWork();
  const known: string[][] = [];
  const take = async (name: string): Promise<void> =>
    shared.take('same', { who: [name] }, async (askers) => {
      await work(name)();
      const names: string[] = [];
      askers.leastMs((who) => names.push(...who));
      known.push(names);
    });
  await Promise.all([take('first'), take('second')]);
  expect(begun).toEqual(['first']);
  expect(shared.take('nothing', { who: ['first'] }, () => undefined)).toBeUndefined();
  await take('again');
  expect(begun).toEqual(['first', 'again']);
  expect(known).toEqual([['first', 'second'], ['again']]);
});
