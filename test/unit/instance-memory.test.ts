// SPDX-License-Identifier: Apache-2.0
// Tests how much memory instances may have, and whose are given up when it is not enough.
import { totalmem } from 'node:os';

import { expect, test } from 'vitest';

import { InstanceMemory, maxInstanceBytes } from '../../host/worker/instance-memory.ts';
import { KeptContainers } from '../../host/worker/kept-containers.ts';
import type { Kept } from '../../host/worker/kept-containers.ts';

const mebibyte = 2 ** 20;

/** Where workers tell what they have, and how often each has collected its garbage. */
interface Machine {
  readonly collections: number[];
  /** Memory of the process, whatever was counted. */
  residentOf: () => number;
  /** Of what the heap of each worker may have. */
  heapShareOf: () => number;
  clock: number;
  memory(place: number): InstanceMemory;
}

function machineOf(workers: number, mebibytes: number): Machine {
  const counts = new SharedArrayBuffer(4 * workers);
  const collections = Array.from({ length: workers }, () => 0);
  const machine: Machine = {
    collections,
    residentOf: () => 0,
    heapShareOf: () => 0,
    clock: 0,
    memory: (place) =>
      new InstanceMemory(
        { max: mebibytes * mebibyte, maxResident: 100 * mebibyte, workers, counts, place },
        {
          residentBytes: () => machine.residentOf(),
          heapShare: () => machine.heapShareOf(),
          now: () => machine.clock,
        },
        () => () => {
          collections[place] = (collections[place] ?? 0) + 1;
        },
      ),
  };
  return machine;
}

class Listener implements Kept {
  readonly instances = 1;
  readonly place: number;
  readonly #onMemory: (listener: Listener, change: number) => void;
  memoryBytes = 0;
  lastUse = 0;

  constructor(place: number, onMemory: (listener: Listener, change: number) => void) {
    this.place = place;
    this.#onMemory = onMemory;
  }

  grow(mebibytes: number): void {
    this.#change(mebibytes * mebibyte);
  }

  giveUp(): void {
    if (this.memoryBytes > 0) this.#change(-this.memoryBytes);
  }

  get mebibytes(): number {
    return this.memoryBytes / mebibyte;
  }

  #change(bytes: number): void {
    this.memoryBytes += bytes;
    this.#onMemory(this, bytes);
  }
}

/** The containers of one worker. */
class Crowd {
  readonly memory: InstanceMemory;
  readonly crowded: number[] = [];
  /** How often others were told that memory is short. */
  told = 0;
  readonly kept: KeptContainers<Listener>;
  now = 0;
  #lastToken = 0;

  constructor(memory: InstanceMemory) {
    this.memory = memory;
    this.kept = new KeptContainers<Listener>({
      room: { max: 8000, counts: new SharedArrayBuffer(4), place: 0 },
      memory,
      onCrowded: ({ place }) => {
        this.crowded.push(place);
      },
      onShort: () => {
        this.told += 1;
      },
      now: () => this.now,
    });
  }

  /** A listener of the container with this place. */
  listener(place: number): Listener {
    const listener = new Listener(place, (each, change) => {
      this.kept.weigh(each, change);
    });
    this.#lastToken += 1;
    this.kept.add(this.#lastToken, listener);
    return listener;
  }
}

test('maxInstanceBytes: it is a part of what the agent may have, and the machine has', () => {
  expect(maxInstanceBytes()).toBeGreaterThan(0);
  expect(maxInstanceBytes()).toBeLessThanOrEqual(totalmem() / 3);
});

test('InstanceMemory: a worker may have its own part and what others leave of the rest', () => {
  const machine = machineOf(4, 64);
  const [first, second] = [machine.memory(0), machine.memory(1)];
  expect(first.allowance).toBe(40 * mebibyte);
  second.count(6 * mebibyte);
  expect(first.allowance).toBe(40 * mebibyte);
  second.count(24 * mebibyte);
  expect(first.allowance).toBe(18 * mebibyte);
  second.count(60 * mebibyte);
  expect(first.allowance).toBe(8 * mebibyte);
});

test('InstanceMemory: as long as each has no more than it may, all have no more than there is', () => {
  const machine = machineOf(4, 64);
  const workers = [0, 1, 2, 3].map((place) => machine.memory(place));
  for (const worker of workers) worker.count(worker.allowance);
  expect(workers.reduce((sum, { live }) => sum + live, 0)).toBe(64 * mebibyte);
});

test('InstanceMemory: given-up instances count until they are collected', () => {
  const machine = machineOf(1, 64);
  const memory = machine.memory(0);
  memory.count(40 * mebibyte);
  memory.count(-40 * mebibyte);
  memory.count(40 * mebibyte);
  expect(memory.isFull).toBe(true);
  memory.collect();
  expect(memory.isFull).toBe(false);
  expect(memory.live).toBe(40 * mebibyte);
  expect(machine.collections).toEqual([1]);
});

test('InstanceMemory: its own collector leaves nothing of memories that nobody has', () => {
  const counts = new SharedArrayBuffer(4);
  const memory = new InstanceMemory({
    max: 2 ** 30,
    maxResident: Infinity,
    workers: 1,
    counts,
    place: 0,
  });
  const before = process.memoryUsage().rss;
  for (let round = 0; round < 40; round += 1) {
    new Uint8Array(new WebAssembly.Memory({ initial: 256, maximum: 256 }).buffer).fill(1);
    if (round % 8 === 7) memory.collect();
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(320 * mebibyte);
});

test('KeptContainers: with enough memory for all nothing is given up', () => {
  const machine = machineOf(1, 64);
  const crowd = new Crowd(machine.memory(0));
  const listeners = [1, 2, 3, 4].map((place) => crowd.listener(place));
  for (const listener of listeners) listener.grow(16);
  expect(listeners.map(({ mebibytes }) => mebibytes)).toEqual([16, 16, 16, 16]);
  expect(crowd.crowded).toEqual([]);
  expect(machine.collections).toEqual([0]);
});

test('KeptContainers: a container with many listeners takes the memory from itself', () => {
  const machine = machineOf(1, 64);
  const crowd = new Crowd(machine.memory(0));
  const others = [1, 2, 3].map((place) => crowd.listener(place));
  for (const other of others) other.grow(4);
  for (let index = 0; index < 57; index += 1) crowd.listener(9).grow(16);
  expect(others.map(({ mebibytes }) => mebibytes)).toEqual([4, 4, 4]);
  expect(new Set(crowd.crowded)).toEqual(new Set([9]));
  expect(crowd.memory.live).toBeLessThanOrEqual(64 * mebibyte);
});

test('KeptContainers: at each time no more is there, with what is not collected, than may be', () => {
  const machine = machineOf(2, 128);
  const crowd = new Crowd(machine.memory(0));
  for (let index = 0; index < 100; index += 1) {
    crowd.listener(index % 7).grow(1 + (index % 16));
    expect(crowd.memory.isFull).toBe(false);
  }
  // half is made free each time
  expect(machine.collections[0]).toBeLessThan(30);
});

test('KeptContainers: idle instances are given up before used ones', () => {
  const crowd = new Crowd(machineOf(1, 64).memory(0));
  const idle = crowd.listener(1);
  const busy = crowd.listener(1);
  idle.grow(8);
  busy.grow(24);
  for (let round = 0; round < 3; round += 1) {
    crowd.now += 10_000;
    crowd.kept.use(busy);
    busy.grow(0);
    if (round < 2) crowd.listener(2);
  }
  const last = crowd.listener(3);
  last.grow(32);
  expect([idle.mebibytes, busy.mebibytes, last.mebibytes]).toEqual([0, 24, 32]);
  expect(crowd.crowded).toEqual([]);
});

test('KeptContainers: the instance that grows is the last of its container to be given up', () => {
  const crowd = new Crowd(machineOf(1, 64).memory(0));
  const first = crowd.listener(1);
  const second = crowd.listener(1);
  const third = crowd.listener(1);
  for (const listener of [first, second, third]) listener.grow(20);
  first.grow(8);
  expect([first, second, third].map(({ mebibytes }) => mebibytes)).toEqual([28, 0, 0]);
});

test('KeptContainers: where there is no room for one alone, it is not kept', () => {
  const machine = machineOf(1, 8);
  const crowd = new Crowd(machine.memory(0));
  const listener = crowd.listener(1);
  for (let call = 0; call < 3; call += 1) listener.grow(16);
  expect(listener.mebibytes).toBe(0);
  expect(crowd.memory.live).toBe(0);
  expect(machine.collections).toEqual([3]);
});

test('KeptContainers: memory of ended containers is collected once others need it', () => {
  const machine = machineOf(1, 64);
  const crowd = new Crowd(machine.memory(0));
  for (let token = 1; token <= 100; token += 1) {
    crowd.listener(token).grow(16);
    crowd.kept.delete(token);
    expect(crowd.memory.live).toBe(0);
  }
  expect(machine.collections[0]).toBeGreaterThan(20);
  expect(crowd.crowded).toEqual([]);
});

test('KeptContainers: instances of other workers are not this one’s, and take no more than half', () => {
  const machine = machineOf(2, 64);
  const [here, there] = [new Crowd(machine.memory(0)), new Crowd(machine.memory(1))];
  const theirs = there.listener(1);
  theirs.grow(48);
  const ours = here.listener(2);
  ours.grow(16);
  expect([ours.mebibytes, theirs.mebibytes]).toEqual([16, 48]);
  here.listener(2).grow(8);
  expect(here.memory.live).toBeLessThanOrEqual(16 * mebibyte);
  expect(theirs.mebibytes).toBe(48);
});

test('A4: KeptContainers: the resident memory of the process counts, whatever was counted', () => {
  const machine = machineOf(1, 64);
  const crowd = new Crowd(machine.memory(0));
  const listeners = [1, 1, 1, 2].map((place) => crowd.listener(place));
  for (const listener of listeners) listener.grow(1);
  const asking = crowd.listener(3);
  expect(crowd.kept.hasRoom(asking)).toBe(true);

  // a hundred times what was counted
  machine.residentOf = () => crowd.memory.live * 100;
  crowd.memory.collect();
  expect(crowd.kept.hasRoom(asking)).toBe(false);
});

test('A4: KeptContainers: where the process has too much, the largest are given up for others', () => {
  const machine = machineOf(1, 64);
  machine.residentOf = () => 30 * crowd.memory.live;
  const crowd = new Crowd(machine.memory(0));
  const listeners = [1, 1, 1, 2].map((place) => crowd.listener(place));
  for (const listener of listeners) listener.grow(1);
  machine.clock += 1000;
  expect(crowd.kept.hasRoom(crowd.listener(3))).toBe(true);
  expect(listeners.map(({ mebibytes }) => mebibytes)).toEqual([0, 0, 1, 1]);
  expect(crowd.crowded).toEqual([1, 1]);
});

test('EE9b: KeptContainers: who has little is not refused for what others fill the process with', () => {
  const machine = machineOf(1, 64);
  const crowd = new Crowd(machine.memory(0));
  const [little, much] = [crowd.listener(1), crowd.listener(2)];
  // nothing of it is of instances
  machine.residentOf = () => 110 * mebibyte;
  machine.clock += 1000;
  expect(crowd.kept.hasRoom(little)).toBe(true);
  little.grow(1);
  // since nothing has helped, nothing more is given up at once
  much.grow(40);
  const more = crowd.listener(2);
  expect(crowd.kept.hasRoom(more)).toBe(false);
  expect(crowd.kept.hasRoom(crowd.listener(1))).toBe(true);

  machine.residentOf = () => 115 * mebibyte;
  machine.clock += 1000;
  expect(crowd.kept.hasRoom(little)).toBe(false);
});

test('A4: KeptContainers: where nothing helps, it is not tried again and again', () => {
  const machine = machineOf(1, 64);
  machine.residentOf = () => 200 * mebibyte;
  const crowd = new Crowd(machine.memory(0));
  const asking = crowd.listener(1);
  for (let call = 0; call < 100; call += 1) expect(crowd.kept.hasRoom(asking)).toBe(false);
  expect(machine.collections).toEqual([1]);
  machine.clock += 1000;
  expect(crowd.kept.hasRoom(asking)).toBe(false);
  expect(machine.collections).toEqual([2]);
  machine.residentOf = () => 0;
  machine.clock += 1000;
  expect(crowd.kept.hasRoom(asking)).toBe(true);
});

test('A4: KeptContainers: idle instances of another worker are given up when it is notified', () => {
  const machine = machineOf(2, 64);
  const here = new Crowd(machine.memory(0));
  const there = new Crowd(machine.memory(1));
  const idle = there.listener(1);
  idle.grow(40);
  const used = there.listener(2);
  used.grow(4);
  const asking = here.listener(3);
  asking.grow(20);
  // it is told once a second, however often there is no room
  here.now = 100_000;
  for (let call = 0; call < 10; call += 1) here.listener(4).grow(16);
  expect(here.told).toBe(1);

  for (let second = 0; second <= 20; second += 1) {
    there.now += 1000;
    there.kept.hearShortage();
    there.kept.use(used);
  }
  expect([idle.mebibytes, used.mebibytes]).toEqual([0, 4]);
  expect(machine.collections[1]).toBe(1);
  expect(there.memory.hasGarbage).toBe(false);
  expect(here.memory.allowance).toBe(48 * mebibyte);
});

test('A4: KeptContainers: where the heap of a worker is almost full, the largest are given up', () => {
  const machine = machineOf(1, 64);
  const crowd = new Crowd(machine.memory(0));
  const listeners = [1, 1, 1, 2].map((place) => crowd.listener(place));
  for (const listener of listeners) listener.grow(1);
  machine.heapShareOf = () => 0.7 + crowd.memory.live / (64 * mebibyte);
  machine.clock += 1000;
  expect(crowd.kept.hasRoom(crowd.listener(3))).toBe(true);
  expect(listeners.map(({ mebibytes }) => mebibytes)).toEqual([0, 0, 1, 1]);
});

test('A4: InstanceMemory: garbage on the heap is no shortage', () => {
  const machine = machineOf(1, 64);
  const memory = machine.memory(0);
  machine.heapShareOf = () => (machine.collections[0] === 0 ? 0.9 : 0.5);
  expect(memory.isShort).toBe(false);
  expect(machine.collections).toEqual([1]);
});

test('KeptContainers: uncounted memory of calls is gone when the worker is notified', () => {
  const machine = machineOf(1, 64);
  const crowd = new Crowd(machine.memory(0));
  const used = [1, 2].map((place) => crowd.listener(place));
  for (const listener of used) listener.grow(4);
  crowd.kept.hearShortage();
  expect(machine.collections).toEqual([0]);
  // no instance is made, and no memory of one grows
  machine.residentOf = () => (machine.collections[0] === 0 ? 200 * mebibyte : 0);
  machine.clock += 1000;
  crowd.kept.hearShortage();
  expect(machine.collections).toEqual([1]);
  expect(crowd.memory.live).toBeLessThanOrEqual(4 * mebibyte);
  expect(crowd.told).toBe(0);
});
