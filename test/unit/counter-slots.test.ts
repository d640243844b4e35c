// SPDX-License-Identifier: Apache-2.0
// Tests who gets which of a worker's counters, and when they are another's.
import { describe, expect, test } from 'vitest';

import { makeCounters, otherSlot, slotLayout, unnamedSlot } from '../../host/counting/counters.ts';
import type { SlotName } from '../../host/counting/counters.ts';
import { CounterSlots } from '../../host/counting/counter-slots.ts';

interface Made {
  readonly counterSlots: CounterSlots;
  readonly announced: SlotName[];
  readonly givenBack: number[];
  /** The main thread has taken what they have counted. */
  readonly take: (slots: readonly number[]) => void;
}

function makeSlots(): Made {
  const counters = makeCounters();
  const words = new BigUint64Array(counters);
  const announced: SlotName[] = [];
  const givenBack: number[] = [];
  return {
    announced,
    givenBack,
    counterSlots: new CounterSlots({
      counters,
      announce: (name) => announced.push(name),
      giveBack: (slots) => givenBack.push(...slots),
    }),
    take: (slots) => {
      for (const slot of slots) words[slot * slotLayout.words + slotLayout.isGivenBack] = 0n;
    },
  };
}

const suffix = { name: 'suffix', bundle: 'demo' };

describe('CounterSlots', () => {
  test('container, syscall, handler and errno have a slot each, which is announced once', () => {
    const { counterSlots, announced } = makeSlots();
    const slots = counterSlots.of(7, 7);
    expect(slots.answersOf('mkdir', suffix).of(0)).toBe(1);
    expect(slots.answersOf('mkdir', suffix).of(17)).toBe(2);
    expect(slots.answersOf('mkdir', suffix).of(0)).toBe(1);
    expect(slots.answersOf('chmod').of(0)).toBe(3);
    expect(counterSlots.of(8, 8).answersOf('mkdir', suffix).of(0)).toBe(4);
    expect(counterSlots.of(7, 7)).toBe(slots);
    expect(announced).toEqual([
      { slot: 1, token: 7, syscall: 'mkdir', handler: 'suffix', bundle: 'demo', status: '0' },
      { slot: 2, token: 7, syscall: 'mkdir', handler: 'suffix', bundle: 'demo', status: '17' },
      { slot: 3, token: 7, syscall: 'chmod', handler: 'none', bundle: '', status: '0' },
      { slot: 4, token: 8, syscall: 'mkdir', handler: 'suffix', bundle: 'demo', status: '0' },
    ]);
  });

  test('names that look alike when joined have different slots', () => {
    const slots = makeSlots().counterSlots.of(1, 1);
    const pairs = [
      ['a', 'b c'],
      ['a b', 'c'],
      ['a', 'b'],
      ['a","b', 'c'],
    ] as const;
    const taken = pairs.map(([syscall, name]) => slots.answersOf(syscall, { name }).of(0));
    expect(new Set(taken).size).toBe(4);
  });

  test('nothing is taken before the first call', () => {
    const { counterSlots, announced } = makeSlots();
    counterSlots.of(1, 1).answersOf('mkdir', suffix);
    expect(announced).toEqual([]);
  });

  test('a container that calls all there is and gets every errno has 64 slots and one for the rest', () => {
    const { counterSlots, announced } = makeSlots();
    const slots = Array.from({ length: 20_000 }, (_, index) =>
      counterSlots
        .of(1, 1)
        .answersOf(`s${index % 400}`)
        .of(index % 133),
    );
    expect(new Set(slots).size).toBe(65);
    expect(slots).not.toContain(otherSlot);
    expect(announced.at(-1)).toEqual({
      slot: 65,
      token: 1,
      syscall: 'other',
      handler: 'other',
      bundle: 'other',
      status: 'other',
    });
    expect(counterSlots.of(2, 2).answersOf('mkdir').of(0)).toBe(66);
  });

  test('A3: the listeners of a container have no more slots and answers than one has', () => {
    const { counterSlots } = makeSlots();
    const slots = new Set<number>();
    const answers = new Set<unknown>();
    for (let token = 1; token <= 10; token += 1) {
      for (let call = 0; call < 100; call += 1) {
        const own = counterSlots.of(token, 7).answersOf(`s${call}`);
        answers.add(own);
        slots.add(own.of(0));
      }
    }
    // and for each one what is for the rest
    expect(slots.size).toBe(64 + 10);
    expect(answers.size).toBeLessThanOrEqual(256 + 10);
    for (let token = 1; token <= 10; token += 1) counterSlots.end(token);
    const again = Array.from({ length: 100 }, (_, call) =>
      counterSlots.of(11, 7).answersOf(`s${call}`).of(0),
    );
    expect(new Set(again).size).toBe(65);
  });

  test('A3: all containers together have no more answers than there may be', () => {
    const { counterSlots } = makeSlots();
    const answers = new Set<unknown>();
    for (let token = 1; token <= 500; token += 1) {
      for (let call = 0; call < 100; call += 1)
        answers.add(counterSlots.of(token, token).answersOf(`s${call}`));
    }
    expect(answers.size).toBeLessThanOrEqual(8192 + 500);
  });

  test('A3: a container that calls all there is of many handlers has no more answers than may be', () => {
    const slots = makeSlots().counterSlots.of(1, 1);
    const handlers = Array.from({ length: 512 }, (_, index) => ({ name: `h${index}` }));
    const answers = new Set(
      ['mkdir', 'chmod'].flatMap((syscall) =>
        handlers.map((handler) => slots.answersOf(syscall, handler)),
      ),
    );
    expect(answers.size).toBe(257);
    const [first] = answers;
    expect(slots.answersOf('chown').of(1)).not.toBe(first?.of(1));
    expect(slots.answersOf('chown').of(1)).toBe(slots.answersOf('chown').of(2));
  });

  test('of many such containers each has a slot of its own, as far as there are any', () => {
    const { counterSlots, announced } = makeSlots();
    const counted = Array.from({ length: 1200 }, (_, token) => {
      const own = Array.from({ length: 70 }, (_each, errno) =>
        counterSlots.of(token, token).answersOf('mkdir').of(errno),
      );
      return new Set(own);
    });
    expect(counted.filter((own) => own.has(otherSlot)).length).toBeLessThan(200);
    expect(announced.length).toBe(otherSlot - 1);
    expect(announced.map(({ slot }) => slot)).not.toContain(unnamedSlot);
  });

  test('slots of a container that is gone are used again, once they are taken back', () => {
    const { counterSlots, givenBack, take } = makeSlots();
    counterSlots.of(1, 1).answersOf('mkdir').of(0);
    counterSlots.of(1, 1).answersOf('chmod').of(1);
    counterSlots.of(2, 2).answersOf('mkdir').of(0);
    counterSlots.end(1);
    expect(givenBack).toEqual([1, 2]);
    expect(counterSlots.of(3, 3).answersOf('mkdir').of(0)).toBe(4);
    take([1, 2]);
    const again = [
      counterSlots.of(3, 3).answersOf('mkdir').of(1),
      counterSlots.of(4, 4).answersOf('mkdir').of(0),
    ];
    expect(new Set(again)).toEqual(new Set([1, 2]));
    expect(counterSlots.of(5, 5).answersOf('mkdir').of(0)).toBe(5);
    expect(counterSlots.of(2, 2).answersOf('mkdir').of(0)).toBe(3);
  });

  test('a container without calls gives nothing back, and neither does one that nobody knows', () => {
    const { counterSlots, givenBack } = makeSlots();
    counterSlots.of(1, 1);
    counterSlots.end(1);
    counterSlots.end(2);
    expect(givenBack).toEqual([]);
  });

  test('10,000 containers one after another need no more slots than one', () => {
    const { counterSlots, announced, givenBack, take } = makeSlots();
    for (let token = 1; token <= 10_000; token += 1) {
      counterSlots.of(token, token).answersOf('mkdir').of(0);
      counterSlots.of(token, token).answersOf('mkdir').of(17);
      counterSlots.end(token);
      take(givenBack.splice(0));
    }
    expect(Math.max(...announced.map(({ slot }) => slot))).toBe(2);
  });
});
