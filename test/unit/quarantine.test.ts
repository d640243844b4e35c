// SPDX-License-Identifier: Apache-2.0
// Tests when handlers that fail are left alone, and for how long, with a clock of the test's own.
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { maxPlaces } from '../../host/counting/container-places.ts';
import type { ContainerPlace } from '../../host/counting/container-places.ts';
import { Quarantine, Quarantines, makeQuarantineBuffers } from '../../host/worker/quarantine.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['hrtime'] });
  // a machine that has just started would be at 0, which stands for no end at all
  vi.advanceTimersByTime(1000);
});
afterEach(() => {
  vi.useRealTimers();
});

const maxHandlers = 16_384;
const handler = 5;
const deadlineMs = 500;

function failTimes(quarantine: Quarantine, count: number, index = handler): readonly number[] {
  return Array.from({ length: count }, () => quarantine.failed(index));
}

/** One that is left alone from now on, for a second. */
function failing(): Quarantine {
  const quarantine = new Quarantine(makeQuarantineBuffers());
  failTimes(quarantine, 5);
  return quarantine;
}

test('quarantine: a handler is asked until it has failed five times in a row', () => {
  const quarantine = new Quarantine(makeQuarantineBuffers());
  for (let failures = 0; failures < 4; failures += 1) {
    expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
    expect(quarantine.failed(handler)).toBe(0);
  }
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
  expect(quarantine.isQuarantined(handler)).toBe(false);
  expect(quarantine.failed(handler)).toBe(1000);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(false);
  expect(quarantine.isQuarantined(handler)).toBe(true);
});

test('quarantine: four good answers make up for a failure', () => {
  const quarantine = new Quarantine(makeQuarantineBuffers());
  for (let round = 0; round < 100; round += 1) {
    expect(failTimes(quarantine, 4)).toEqual([0, 0, 0, 0]);
    for (let answers = 0; answers < 16; answers += 1) quarantine.succeeded(handler);
  }
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
  // and no more than that
  for (let answers = 0; answers < 100; answers += 1) quarantine.succeeded(handler);
  expect(failTimes(quarantine, 5)).toEqual([0, 0, 0, 0, 1000]);
});

test('quarantine: a handler that fails at four of five calls is left alone, too', () => {
  const quarantine = new Quarantine(makeQuarantineBuffers());
  expect(failTimes(quarantine, 4)).toEqual([0, 0, 0, 0]);
  quarantine.succeeded(handler);
  expect(failTimes(quarantine, 2)).toEqual([0, 1000]);
});

test('quarantine: a call from before it began does not end it', () => {
  const quarantine = failing();
  quarantine.succeeded(handler);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(false);
});

test('quarantine: one call tries the handler when its time is over', () => {
  const quarantine = failing();
  vi.advanceTimersByTime(999);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(false);
  vi.advanceTimersByTime(1);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(false);
});

test('quarantine: a trial that is not through in time is no longer waited for', () => {
  const quarantine = failing();
  vi.advanceTimersByTime(1000);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
  vi.advanceTimersByTime(deadlineMs + 999);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(false);
  vi.advanceTimersByTime(1);
  expect(quarantine.isQuarantined(handler)).toBe(true);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(false);
  // the first of them comes back after all
  quarantine.succeeded(handler);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
});

test('quarantine: a trial that fails by no fault of the handler leaves it to the next call', () => {
  const quarantine = failing();
  // asked before it began
  quarantine.left(handler);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(false);
  vi.advanceTimersByTime(1000);
  for (let trial = 0; trial < 3; trial += 1) {
    expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
    expect(quarantine.mayAsk(handler, deadlineMs)).toBe(false);
    quarantine.left(handler);
    expect(quarantine.isQuarantined(handler)).toBe(true);
  }
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
  expect(quarantine.failed(handler)).toBe(2000);
  // what is not left alone has nothing to give back
  quarantine.left(handler + 1);
  expect(quarantine.isQuarantined(handler + 1)).toBe(false);
});

test('quarantine: a trial that goes well ends it', () => {
  const quarantine = failing();
  vi.advanceTimersByTime(1000);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
  quarantine.succeeded(handler);
  expect(quarantine.isQuarantined(handler)).toBe(false);
  expect([1, 2, 3].map(() => quarantine.mayAsk(handler, deadlineMs))).toEqual([true, true, true]);
  // but it is not as it was at first, for some minutes
  expect(failTimes(quarantine, 5)).toEqual([0, 0, 0, 0, 2000]);
  vi.advanceTimersByTime(2000);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
  quarantine.succeeded(handler);
  for (let minute = 0; minute < 2; minute += 1) quarantine.forgive(handler);
  expect(failTimes(quarantine, 5)).toEqual([0, 0, 0, 0, 1000]);
  // nor is one forgiven that is quarantined
  quarantine.forgive(handler);
  vi.advanceTimersByTime(1000);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
  expect(quarantine.failed(handler)).toBe(2000);
});

test('quarantine: each trial that fails doubles the time, up to a minute', () => {
  const quarantine = failing();
  const backOffs = [1000];
  for (let trial = 0; trial < 8; trial += 1) {
    vi.advanceTimersByTime((backOffs.at(-1) ?? 0) - 1);
    expect(quarantine.mayAsk(handler, deadlineMs)).toBe(false);
    vi.advanceTimersByTime(1);
    expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
    backOffs.push(quarantine.failed(handler));
  }
  expect(backOffs).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('quarantine: handlers have nothing to do with each other', () => {
  const quarantine = failing();
  for (const other of [0, handler - 1, handler + 1, maxHandlers - 1]) {
    expect(quarantine.mayAsk(other, deadlineMs)).toBe(true);
    expect(quarantine.isQuarantined(other)).toBe(false);
    failTimes(quarantine, 4, other);
    quarantine.succeeded(other);
  }
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(false);
});

test('quarantine: cleared states are forgotten, and no others', () => {
  const quarantine = failing();
  failTimes(quarantine, 5, handler + 1);
  quarantine.clear(handler);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(true);
  expect(quarantine.isQuarantined(handler)).toBe(false);
  expect(failTimes(quarantine, 5)).toEqual([0, 0, 0, 0, 1000]);
  expect(quarantine.isQuarantined(handler + 1)).toBe(true);
});

test.for([-1, 0x7fff_ffff])('quarantine: a handler %i is never left alone', (index) => {
  const quarantine = new Quarantine(makeQuarantineBuffers());
  expect(failTimes(quarantine, 10, index).every((milliseconds) => milliseconds === 0)).toBe(true);
  expect(quarantine.mayAsk(index, deadlineMs)).toBe(true);
  quarantine.succeeded(index);
  expect(quarantine.mayAsk(index, deadlineMs)).toBe(true);
});

test('quarantine: the last handler is like others', () => {
  const quarantine = new Quarantine(makeQuarantineBuffers());
  expect(failTimes(quarantine, 5, maxHandlers - 1).at(-1)).toBe(1000);
  expect(quarantine.mayAsk(maxHandlers - 1, deadlineMs)).toBe(false);
});

test('quarantine: all who share its buffers know the same', () => {
  const buffers = makeQuarantineBuffers();
  const one = new Quarantine(buffers);
  const other = new Quarantine(buffers);
  failTimes(one, 3);
  expect(failTimes(other, 2)).toEqual([0, 1000]);
  expect(one.mayAsk(handler, deadlineMs)).toBe(false);
  vi.advanceTimersByTime(1000);
  // the trial is one for all
  expect(other.mayAsk(handler, deadlineMs)).toBe(true);
  expect(one.mayAsk(handler, deadlineMs)).toBe(false);
  other.succeeded(handler);
  expect(one.mayAsk(handler, deadlineMs)).toBe(true);
});

test('quarantine: another thread knows the same, by the same clock', async () => {
  vi.useRealTimers();
  const buffers = makeQuarantineBuffers();
  const quarantine = new Quarantine(buffers);
  const file = new URL('../../host/worker/quarantine.ts', import.meta.url).href;
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.file).then(({ Quarantine }) => {
      const quarantine = new Quarantine(workerData.buffers);
      const failed = Array.from({ length: 5 }, () => quarantine.failed(${handler}));
      parentPort.postMessage([...failed, quarantine.mayAsk(${handler}, ${deadlineMs})]);
    });`,
    { eval: true, workerData: { file, buffers } },
  );
  const [said]: readonly unknown[] = await once(worker, 'message');
  expect(said).toEqual([0, 0, 0, 0, 1000, false]);
  expect(quarantine.isQuarantined(handler)).toBe(true);
  expect(quarantine.mayAsk(handler, deadlineMs)).toBe(false);
  await worker.terminate();
});

function ownOf(token: number, user = 0): ContainerPlace {
  return { token, place: token, user };
}

function namesOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `handler ${at}`);
}

test('Quarantines: each handler of a container has an index of its own', () => {
  const quarantines = new Quarantines();
  const [one, none, two] = [3, 0, 2].map((count, at) =>
    quarantines.take(ownOf(at), namesOf(count)),
  );
  expect(new Set([one, none, two].flat()).size).toBe(5);
  expect(quarantines.count()).toBe(0);
});

test('Quarantines: all listeners of a container have the same indexes, also of one that comes later', () => {
  const quarantines = new Quarantines();
  const own = ownOf(7);
  const indexes = quarantines.take(own, namesOf(2));
  failTimes(quarantines.quarantine, 5, indexes[0]);
  expect(quarantines.take(own, namesOf(3)).slice(0, 2)).toEqual(indexes);
  expect(quarantines.take(own, namesOf(1))).toEqual(indexes.slice(0, 1));
  expect(quarantines.count()).toBe(1);
});

test("Quarantines: a handler that comes in another one's place begins anew, others do not", () => {
  const quarantines = new Quarantines();
  const [one = 0, other = 0] = quarantines.take(ownOf(7), ['a', 'b']);
  for (const index of [one, other]) failTimes(quarantines.quarantine, 5, index);
  expect(quarantines.take(ownOf(7), ['a', 'c'])).toEqual([one, other]);
  expect(quarantines.quarantine.mayAsk(one, deadlineMs)).toBe(false);
  expect(quarantines.quarantine.mayAsk(other, deadlineMs)).toBe(true);
});

test('Quarantines: it counts who is left alone', () => {
  const quarantines = new Quarantines();
  const [first = 0, second = 0] = quarantines.take(ownOf(0), namesOf(3));
  for (const index of [first, second]) failTimes(quarantines.quarantine, 5, index);
  expect(quarantines.count()).toBe(2);
  vi.advanceTimersByTime(1000);
  expect(quarantines.quarantine.mayAsk(first, deadlineMs)).toBe(true);
  quarantines.quarantine.succeeded(first);
  expect(quarantines.count()).toBe(1);
  // until it has done well it counts
  vi.advanceTimersByTime(3_600_000);
  expect(quarantines.count()).toBe(1);
});

test('Quarantines: who gets the index of another starts afresh', () => {
  const quarantines = new Quarantines();
  const taken = quarantines.take(ownOf(0), namesOf(2));
  for (const index of taken) failTimes(quarantines.quarantine, 5, index);
  quarantines.forget(ownOf(0));
  expect(quarantines.count()).toBe(0);
  const again = quarantines.take(ownOf(1), namesOf(2));
  expect(new Set(again)).toEqual(new Set(taken));
  for (const index of again) {
    expect(quarantines.quarantine.mayAsk(index, deadlineMs)).toBe(true);
    expect(failTimes(quarantines.quarantine, 5, index).at(-1)).toBe(1000);
  }
});

test('Quarantines: past the last index the handlers of a container are watched together', () => {
  const quarantines = new Quarantines();
  const all = quarantines.take(ownOf(0), namesOf(maxHandlers));
  expect(new Set(all).size).toBe(maxHandlers);
  const [one = 0, another = 0] = quarantines.take(ownOf(3), namesOf(2));
  const [ofOther = 0] = quarantines.take(ownOf(4), namesOf(1));
  expect(another).toBe(one);
  expect(ofOther).not.toBe(one);
  // good answers of one do not make up for failures of the other
  const { quarantine } = quarantines;
  expect(failTimes(quarantine, 4, one)).toEqual([0, 0, 0, 0]);
  for (let answers = 0; answers < 100; answers += 1) quarantine.succeeded(another);
  expect(quarantine.failed(one)).toBe(1000);
  expect(quarantine.mayAsk(another, deadlineMs)).toBe(false);
  expect(quarantine.mayAsk(ofOther, deadlineMs)).toBe(true);
  quarantines.forget(ownOf(3));
  expect(quarantine.mayAsk(one, deadlineMs)).toBe(true);
  quarantines.forget(ownOf(0));
  expect(new Set(quarantines.take(ownOf(5), namesOf(2))).size).toBe(2);
});

test('Quarantines: users leave indexes for root and for each other', () => {
  const quarantines = new Quarantines();
  const ofUser = (user: number, token: number): number => {
    const indexes = quarantines.take(ownOf(token, user), namesOf(maxHandlers));
    return indexes.filter((index) => index < maxHandlers).length;
  };
  const counts = [1000, 1001, 1002, 1003, 1004].map((user, at) => ofUser(user, at));
  expect(counts).toEqual([2048, 2048, 2048, 2048, 0]);
  expect(ofUser(1000, 5)).toBe(0);
  quarantines.forget(ownOf(1, 1001));
  expect(ofUser(1004, 6)).toBe(2048);
  expect(ofUser(0, 7)).toBe(maxHandlers / 2);
});

test('Quarantines: the last place of a container is watched, too', () => {
  const quarantines = new Quarantines();
  quarantines.take(ownOf(0), namesOf(maxHandlers));
  const [last = 0] = quarantines.take({ token: 1, place: maxPlaces, user: 0 }, namesOf(1));
  expect(failTimes(quarantines.quarantine, 5, last).at(-1)).toBe(1000);
  expect(quarantines.quarantine.mayAsk(last, deadlineMs)).toBe(false);
  // other containers may share it
  quarantines.take({ token: 1, place: maxPlaces, user: 0 }, ['another']);
  quarantines.forget({ token: 1, place: maxPlaces, user: 0 });
  expect(quarantines.quarantine.mayAsk(last, deadlineMs)).toBe(false);
});

function nameOf(name: string, component = name): string {
  return JSON.stringify(['bundle', name, component]);
}

const looping = nameOf('looping');

/** Containers that come one after the other, each with one handler. */
function comeAndLoop(quarantines: Quarantines, count: number, user: number): number {
  let asked = 0;
  for (let token = 0; token < count; token += 1) {
    const own = ownOf(user * 1000 + token, user);
    const [index = -1, good = -1] = quarantines.take(own, [looping, nameOf('good')]);
    expect(quarantines.quarantine.mayAsk(good, deadlineMs)).toBe(true);
    if (!quarantines.quarantine.mayAsk(index, deadlineMs)) continue;
    asked += 1;
    // as the addon does for an exceeded deadline
    failTimes(quarantines.quarantine, 5, index);
    quarantines.overdue(own, 0);
  }
  return asked;
}

test('G1: Quarantines: a handler that never ends is not asked anew for each container of a user', () => {
  const quarantines = new Quarantines();
  expect(comeAndLoop(quarantines, 900, 1000)).toBe(3);
  // others have nothing to do with it
  expect(comeAndLoop(quarantines, 1, 1001)).toBe(1);
  // containers of root are not known to be of one owner
  expect(comeAndLoop(quarantines, 20, 0)).toBe(20);
});

test('G1: Quarantines: a user’s handler is tried by one container at a time, and is forgotten with the containers', () => {
  const quarantines = new Quarantines();
  comeAndLoop(quarantines, 50, 1000);
  const [index = -1] = quarantines.take(ownOf(2_000_000, 1000), [looping]);
  const [twin = -1] = quarantines.take(ownOf(2_000_001, 1000), [looping]);
  expect(twin).toBe(index);
  vi.advanceTimersByTime(1000);
  expect(quarantines.quarantine.mayAsk(index, deadlineMs)).toBe(true);
  expect(quarantines.quarantine.mayAsk(twin, deadlineMs)).toBe(false);
  // another handler in its place has a quarantine of its own
  const [other = -1] = quarantines.take(ownOf(2_000_001, 1000), [nameOf('another')]);
  expect(other).not.toBe(index);
  expect(quarantines.quarantine.mayAsk(other, deadlineMs)).toBe(true);
});

test('G1: Quarantines: handlers of one component in one container are not tried one after the other', () => {
  const quarantines = new Quarantines();
  const { quarantine } = quarantines;
  const own = ownOf(0);
  const twins = Array.from({ length: 32 }, (_, at) => nameOf(`twin ${at}`, 'looping'));
  const indexes = quarantines.take(own, [...twins, nameOf('good')]);
  const good = indexes.at(-1) ?? -1;
  /** Each of them has a call. @returns how many are asked, each in vain */
  const ask = (): number => {
    let asked = 0;
    for (const [at, index] of indexes.slice(0, -1).entries()) {
      if (!quarantine.mayAsk(index, deadlineMs)) continue;
      asked += 1;
      failTimes(quarantine, 5, index);
      quarantines.overdue(own, at);
    }
    return asked;
  };
  expect(ask()).toBe(3);
  const asked = Array.from({ length: 60 }, () => {
    vi.advanceTimersByTime(1000);
    return ask();
  });
  expect(asked.reduce((sum, count) => sum + count)).toBeLessThan(10);
  expect(quarantine.mayAsk(good, deadlineMs)).toBe(true);
});
