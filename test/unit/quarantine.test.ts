// SPDX-License-Identifier: Apache-2.0
// Tests when handlers that fail are left alone, and for how long, with a clock of the test's own.
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import {
  Quarantine,
  QuarantineBook,
  makeQuarantineBuffers,
} from '../../host/notification/quarantine.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['hrtime'] });
  // a machine that has just started would be at 0, which stands for no end at all
  vi.advanceTimersByTime(1000);
});
afterEach(() => {
  vi.useRealTimers();
});

const mostHandlers = 16_384;
const handler = 5;

function failTimes(quarantine: Quarantine, count: number, index = handler): readonly number[] {
  return Array.from({ length: count }, () => quarantine.failed(index, false));
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
    expect(quarantine.mayAsk(handler)).toBe(true);
    expect(quarantine.failed(handler, false)).toBe(0);
  }
  expect(quarantine.mayAsk(handler)).toBe(true);
  expect(quarantine.isQuarantined(handler)).toBe(false);
  expect(quarantine.failed(handler, false)).toBe(1000);
  expect(quarantine.mayAsk(handler)).toBe(false);
  expect(quarantine.isQuarantined(handler)).toBe(true);
});

test('quarantine: a good answer starts the count anew', () => {
  const quarantine = new Quarantine(makeQuarantineBuffers());
  for (let round = 0; round < 3; round += 1) {
    expect(failTimes(quarantine, 4)).toEqual([0, 0, 0, 0]);
    quarantine.succeeded(handler);
  }
  expect(quarantine.mayAsk(handler)).toBe(true);
});

test('quarantine: a handler that has used its time up is left alone at once', () => {
  const quarantine = new Quarantine(makeQuarantineBuffers());
  expect(quarantine.failed(handler, true)).toBe(1000);
  expect(quarantine.mayAsk(handler)).toBe(false);
});

test('quarantine: one call tries the handler when its time is over', () => {
  const quarantine = failing();
  vi.advanceTimersByTime(999);
  expect(quarantine.mayAsk(handler)).toBe(false);
  vi.advanceTimersByTime(1);
  expect(quarantine.mayAsk(handler)).toBe(true);
  expect(quarantine.mayAsk(handler)).toBe(false);
  vi.advanceTimersByTime(3_600_000);
  expect(quarantine.mayAsk(handler)).toBe(false);
});

test('quarantine: a trial that goes well ends it', () => {
  const quarantine = failing();
  vi.advanceTimersByTime(1000);
  expect(quarantine.mayAsk(handler)).toBe(true);
  quarantine.succeeded(handler);
  expect(quarantine.isQuarantined(handler)).toBe(false);
  expect([1, 2, 3].map(() => quarantine.mayAsk(handler))).toEqual([true, true, true]);
  // and all is as it was at first
  expect(failTimes(quarantine, 5)).toEqual([0, 0, 0, 0, 1000]);
});

test('quarantine: each trial that fails doubles the time, up to a minute', () => {
  const quarantine = failing();
  const backOffs = [1000];
  for (let trial = 0; trial < 8; trial += 1) {
    vi.advanceTimersByTime((backOffs.at(-1) ?? 0) - 1);
    expect(quarantine.mayAsk(handler)).toBe(false);
    vi.advanceTimersByTime(1);
    expect(quarantine.mayAsk(handler)).toBe(true);
    backOffs.push(quarantine.failed(handler, trial % 2 === 1));
  }
  expect(backOffs).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('quarantine: handlers have nothing to do with each other', () => {
  const quarantine = failing();
  for (const other of [0, handler - 1, handler + 1, mostHandlers - 1]) {
    expect(quarantine.mayAsk(other)).toBe(true);
    expect(quarantine.isQuarantined(other)).toBe(false);
    failTimes(quarantine, 4, other);
    quarantine.succeeded(other);
  }
  expect(quarantine.mayAsk(handler)).toBe(false);
});

test('quarantine: what is cleared is forgotten, and nothing else is', () => {
  const quarantine = failing();
  failTimes(quarantine, 5, handler + 1);
  quarantine.clear(handler);
  expect(quarantine.mayAsk(handler)).toBe(true);
  expect(quarantine.isQuarantined(handler)).toBe(false);
  expect(failTimes(quarantine, 5)).toEqual([0, 0, 0, 0, 1000]);
  expect(quarantine.isQuarantined(handler + 1)).toBe(true);
});

test.for([-1, mostHandlers, 0x7fff_ffff])(
  'quarantine: a handler %i is never left alone',
  (index) => {
    const quarantine = new Quarantine(makeQuarantineBuffers());
    expect(failTimes(quarantine, 10, index).every((milliseconds) => milliseconds === 0)).toBe(true);
    expect(quarantine.failed(index, true)).toBe(0);
    expect(quarantine.mayAsk(index)).toBe(true);
    quarantine.succeeded(index);
    expect(quarantine.mayAsk(index)).toBe(true);
  },
);

test('quarantine: the last handler is like others', () => {
  const quarantine = new Quarantine(makeQuarantineBuffers());
  expect(failTimes(quarantine, 5, mostHandlers - 1).at(-1)).toBe(1000);
  expect(quarantine.mayAsk(mostHandlers - 1)).toBe(false);
});

test('quarantine: all who share its buffers know the same', () => {
  const buffers = makeQuarantineBuffers();
  const one = new Quarantine(buffers);
  const other = new Quarantine(buffers);
  failTimes(one, 3);
  expect(failTimes(other, 2)).toEqual([0, 1000]);
  expect(one.mayAsk(handler)).toBe(false);
  vi.advanceTimersByTime(1000);
  // the trial is one for all
  expect(other.mayAsk(handler)).toBe(true);
  expect(one.mayAsk(handler)).toBe(false);
  other.succeeded(handler);
  expect(one.mayAsk(handler)).toBe(true);
});

test('quarantine: another thread knows the same, by the same clock', async () => {
  vi.useRealTimers();
  const buffers = makeQuarantineBuffers();
  const quarantine = new Quarantine(buffers);
  const file = new URL('../../host/notification/quarantine.ts', import.meta.url).href;
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.file).then(({ Quarantine }) => {
      const quarantine = new Quarantine(workerData.buffers);
      const failed = Array.from({ length: 5 }, () => quarantine.failed(${handler}, false));
      parentPort.postMessage([...failed, quarantine.mayAsk(${handler})]);
    });`,
    { eval: true, workerData: { file, buffers } },
  );
  const [said]: readonly unknown[] = await once(worker, 'message');
  expect(said).toEqual([0, 0, 0, 0, 1000, false]);
  expect(quarantine.isQuarantined(handler)).toBe(true);
  expect(quarantine.mayAsk(handler)).toBe(false);
  await worker.terminate();
});

test('QuarantineBook: each handler has an index of its own', () => {
  const book = new QuarantineBook();
  const indexes = [...book.take(3), ...book.take(0), ...book.take(2)];
  expect(new Set(indexes).size).toBe(5);
  expect(book.count()).toBe(0);
});

test('QuarantineBook: it counts who is left alone', () => {
  const book = new QuarantineBook();
  const [first = 0, second = 0] = book.take(3);
  book.quarantine.failed(first, true);
  book.quarantine.failed(second, true);
  expect(book.count()).toBe(2);
  book.quarantine.succeeded(first);
  expect(book.count()).toBe(1);
  // until it has done well it counts
  vi.advanceTimersByTime(3_600_000);
  expect(book.count()).toBe(1);
});

test('QuarantineBook: who gets the index of another starts afresh', () => {
  const book = new QuarantineBook();
  const taken = book.take(2);
  for (const index of taken) book.quarantine.failed(index, true);
  book.release(taken);
  expect(book.count()).toBe(0);
  const again = book.take(2);
  expect(new Set(again)).toEqual(new Set(taken));
  for (const index of again) {
    expect(book.quarantine.mayAsk(index)).toBe(true);
    expect(failTimes(book.quarantine, 5, index).at(-1)).toBe(1000);
  }
});

test('QuarantineBook: past the last index handlers are not watched, and may be released', () => {
  const book = new QuarantineBook();
  const all = book.take(mostHandlers);
  expect(new Set(all).size).toBe(mostHandlers);
  const over = book.take(2);
  expect(over).toEqual([mostHandlers, mostHandlers]);
  for (const index of over) {
    expect(book.quarantine.failed(index, true)).toBe(0);
    expect(book.quarantine.mayAsk(index)).toBe(true);
  }
  book.release(over);
  expect(book.take(1)).toEqual([mostHandlers]);
  book.release([7]);
  expect(book.take(2)).toEqual([7, mostHandlers]);
  expect(book.count()).toBe(0);
});
