// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';

import { InstanceMemory } from '../../host/worker/instance-memory.ts';
import { KeptContainers } from '../../host/worker/kept-containers.ts';
import type { InstanceRoom, Kept } from '../../host/worker/kept-containers.ts';

function container(instances = 1): Kept {
  return { instances, place: 0, memoryBytes: 0, lastUse: 0, giveUp: () => undefined };
}

function keptIn(room: InstanceRoom, now = (): number => 0): KeptContainers<Kept> {
  const counts = new SharedArrayBuffer(4);
  const memory = new InstanceMemory({
    max: 2 ** 30,
    maxResident: Infinity,
    workers: 1,
    counts,
    place: 0,
  });
  return new KeptContainers<Kept>({
    room,
    memory,
    onCrowded: () => undefined,
    onShort: () => undefined,
    now,
  });
}

function roomFor(
  max: number,
  counts: SharedArrayBuffer = new SharedArrayBuffer(8),
  place = 0,
): InstanceRoom {
  return { max, counts, place };
}

/** The tokens below `end` that are still there. */
function tokensOf(kept: KeptContainers<Kept>, end: number): readonly number[] {
  return Array.from({ length: end }, (_, token) => token).filter(
    (token) => kept.get(token) !== undefined,
  );
}

test('KeptContainers: containers with calls are kept, however many there are and however long', () => {
  let now = 0;
  const kept = keptIn(roomFor(1000), () => now);
  for (let token = 0; token < 300; token += 1) kept.add(token, container());
  for (let round = 0; round < 5; round += 1) {
    now += 10_000;
    for (let token = 0; token < 300; token += 1) {
      const met = kept.get(token);
      if (met !== undefined) kept.use(met);
    }
    kept.add(300 + round, container());
  }
  expect(tokensOf(kept, 300)).toHaveLength(300);
});

test('KeptContainers: containers without calls are given up once others are met later', () => {
  let now = 0;
  const kept = keptIn(roomFor(1000), () => now);
  kept.add(0, container());
  kept.add(1, container());
  for (let token = 2; token < 5; token += 1) {
    now += 10_000;
    const busy = kept.get(1);
    if (busy !== undefined) kept.use(busy);
    kept.add(token, container());
  }
  expect(tokensOf(kept, 5)).toEqual([1, 3, 4]);
  expect(kept.instances).toBe(3);
});

test('KeptContainers: there are no more instances than may be, and those met first make room', () => {
  const kept = keptIn(roomFor(10));
  for (let token = 0; token < 6; token += 1) kept.add(token, container(3));
  expect(tokensOf(kept, 6)).toEqual([3, 4, 5]);
  expect(kept.instances).toBe(9);
  kept.add(6, container(20));
  expect(tokensOf(kept, 7)).toEqual([6]);
  kept.delete(6);
  kept.delete(6);
  expect(kept.instances).toBe(0);
});

test('KeptContainers: one that is met again takes its own place', () => {
  const kept = keptIn(roomFor(10));
  const again = container(4);
  kept.add(0, container(4));
  kept.add(0, again);
  expect(kept.get(0)).toBe(again);
  expect(kept.instances).toBe(4);
});

test('KeptContainers: instances of other workers count, and are theirs to give up', () => {
  const counts = new SharedArrayBuffer(8);
  const first = keptIn(roomFor(10, counts, 0));
  const second = keptIn(roomFor(10, counts, 1));
  for (let token = 0; token < 8; token += 1) first.add(token, container());
  for (let token = 0; token < 4; token += 1) second.add(token, container());
  expect(tokensOf(second, 4)).toEqual([2, 3]);
  expect(first.instances).toBe(8);
  first.delete(0);
  second.add(4, container());
  expect(tokensOf(second, 5)).toEqual([2, 3, 4]);
});
