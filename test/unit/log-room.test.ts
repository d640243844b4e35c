// SPDX-License-Identifier: Apache-2.0
// Tests how much a container may log, with a clock of the test's own.
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { UserLines } from '../../host/log/user-lines.ts';
import { DroppedLines } from '../../host/worker/dropped-lines.ts';
import { LogRoom, makeLogRoom } from '../../host/worker/log-room.ts';
import { maxPlaces } from '../../host/counting/container-places.ts';
import { KeptLog } from '../support/kept-log.ts';

const event = 'handler-lines-dropped';
const stock = 131_072;
const aSecond = 32_768;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['hrtime', 'setTimeout', 'clearTimeout'] });
  vi.advanceTimersByTime(1000);
});
afterEach(() => {
  vi.useRealTimers();
});

/** How many lines of this length fit. */
function fitting(room: LogRoom, place: number, bytes: number): number {
  let lines = 0;
  while (room.take(place, bytes)) lines += 1;
  return lines;
}

test('W3: log room: a container writes its stock at once, and then so much in a second', () => {
  const room = new LogRoom(makeLogRoom());
  expect(fitting(room, 3, 1024)).toBe(stock / 1024);
  vi.advanceTimersByTime(1000);
  expect(fitting(room, 3, 1024)).toBe(aSecond / 1024);
});

test('W3: log room: a stock is full again after some seconds, and never more than full', () => {
  const room = new LogRoom(makeLogRoom());
  fitting(room, 3, 1024);
  vi.advanceTimersByTime(3_600_000);
  expect(fitting(room, 3, 1024)).toBe(stock / 1024);
});

test('W3: log room: lines of one container take nothing from another one', () => {
  const room = new LogRoom(makeLogRoom());
  fitting(room, 3, 1024);
  expect(room.take(4, stock)).toBe(true);
});

test('G1: log room: all containers of a user have as much as four of root’s', () => {
  const room = new LogRoom(makeLogRoom());
  const written = (user: number): number => {
    const places = Array.from({ length: 100 }, (_, place) => place);
    return places.filter((place) => {
      room.clear(place);
      return room.take(place, stock, user);
    }).length;
  };
  expect([written(1000), written(1001), written(0)]).toEqual([4, 4, 100]);
  vi.advanceTimersByTime(1000);
  expect(written(1000)).toBe(1);
});

test('G1: log room: no user has the stock of another one, whatever their ids are', () => {
  const buffer = makeLogRoom();
  const rooms = [new LogRoom(buffer), new LogRoom(buffer)];
  const users = Array.from({ length: 100 }, (_, index) => 7 + index * 16_384);
  users.push(2 ** 32 - 2);
  for (const user of users) {
    for (const [at, room] of rooms.entries()) {
      for (let line = 0; line < 100; line += 1) expect(room.takeUserLine(user)).toBe(true);
      expect(room.take(at, stock, user)).toBe(true);
      room.clear(at);
      room.leaveOut(user);
    }
    expect(rooms[0]?.takeUserLine(user)).toBe(false);
  }
  for (const user of users) expect(rooms[1]?.leftOut(user)).toBe(2);
});

test('W3: log room: there is a place for containers past the last one', () => {
  const room = new LogRoom(makeLogRoom());
  expect(fitting(room, maxPlaces, 1024)).toBe(stock / 1024);
});

test('W3: log room: all threads share a stock', async () => {
  vi.useRealTimers();
  const buffer = makeLogRoom();
  const file = new URL('../../host/worker/log-room.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(file)}).then(({ LogRoom }) => {
    const { workerData, parentPort } = require('node:worker_threads');
    const room = new LogRoom(workerData);
    let bytes = 0;
    for (let tries = 0; tries < 20000; tries += 1) if (room.take(3, 64)) bytes += 64;
    parentPort.postMessage(bytes);
  });`;
  const began = performance.now();
  const workers = [1, 2, 3].map(() => new Worker(code, { eval: true, workerData: buffer }));
  const written = await Promise.all(
    workers.map(async (worker) => {
      const [bytes]: readonly unknown[] = await once(worker, 'message');
      return Number(bytes);
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const sum = written.reduce((all, bytes) => all + bytes, 0);
  expect(sum).toBeGreaterThan(stock - 64);
  expect(sum).toBeLessThan(stock + aSecond * seconds);
});

test('W3: dropped lines: dropped lines are reported once, with their number, and again later', () => {
  const log = new KeptLog();
  using dropped = new DroppedLines(new UserLines(log.log));
  const room = new LogRoom(dropped.buffer);
  for (let line = 0; line < 3; line += 1) {
    if (room.isTold(5)) dropped.begin({ place: 5, container: { container: 'c1' }, user: 0 });
    room.drop(5, 100);
  }
  expect(log.records).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(log.records).toMatchObject([{ event, container: 'c1', lines: 3, bytes: 300 }]);

  expect(room.isTold(5)).toBe(true);
  dropped.begin({ place: 5, container: { container: 'c1' }, user: 0 });
  room.drop(5, 7);
  vi.advanceTimersByTime(1000);
  expect(log.records).toHaveLength(2);
  expect(log.records[1]).toMatchObject({ event, container: 'c1', lines: 1, bytes: 7 });
});

test('W3: dropped lines: a container that ends, and an agent that stops, leave none untold', () => {
  const log = new KeptLog();
  const dropped = new DroppedLines(new UserLines(log.log));
  const room = new LogRoom(dropped.buffer);
  for (const place of [5, 6]) {
    dropped.begin({ place, container: { container: `c${place}` }, user: 0 });
    room.drop(place, 10);
  }
  dropped.end(5);
  expect(log.records).toMatchObject([{ event, container: 'c5', lines: 1, bytes: 10 }]);
  dropped[Symbol.dispose]();
  expect(log.shown).toEqual([event, event]);
  vi.advanceTimersByTime(10_000);
  expect(log.records).toHaveLength(2);
});

test('G1: dropped lines: of the containers of a user, no more are told than a user may have lines', () => {
  const log = new KeptLog();
  const dropped = new DroppedLines(new UserLines(log.log));
  const room = new LogRoom(dropped.buffer);
  for (let place = 0; place < 500; place += 1) {
    dropped.begin({ place, container: { container: `c${place}` }, user: 1000 });
    room.drop(place, 10);
  }
  dropped[Symbol.dispose]();
  expect(log.records).toHaveLength(200);
});

test('W3: dropped lines: a container that gets the place of another one begins with a full stock', () => {
  const log = new KeptLog();
  using dropped = new DroppedLines(new UserLines(log.log));
  const room = new LogRoom(dropped.buffer);
  expect(room.take(5, stock)).toBe(true);
  dropped.end(5);
  expect(room.take(5, stock)).toBe(true);
});

test('W3: log room: so many failed calls of a container are told of at once, and then in a second', () => {
  const buffer = makeLogRoom();
  const rooms = [new LogRoom(buffer), new LogRoom(buffer)];
  const told = (place: number): number => {
    const reports = Array.from({ length: 100 }, (_, at) => rooms[at % 2]?.takeReport(place));
    return reports.filter((isTold) => isTold).length;
  };
  expect(told(3)).toBe(20);
  expect(told(4)).toBe(20);
  vi.advanceTimersByTime(500);
  expect(told(3)).toBe(10);
  // neither takes anything from the other
  const [room] = rooms;
  expect(room === undefined ? 0 : fitting(room, 3, 1024)).toBe(stock / 1024);
  vi.advanceTimersByTime(1000);
  expect(told(3)).toBe(20);
  room?.clear(3);
  expect(told(3)).toBe(20);
});

test('log room: lines on all containers of a user have one stock, on all threads', () => {
  const buffer = makeLogRoom();
  const rooms = [new LogRoom(buffer), new LogRoom(buffer)];
  const told = (user: number): number => {
    const lines = Array.from({ length: 1000 }, (_, at) => rooms[at % 2]?.takeUserLine(user));
    return lines.filter((isTold) => isTold).length;
  };
  expect(told(1000)).toBe(200);
  expect(told(1001)).toBe(200);
  expect(told(0)).toBe(1000);
  vi.advanceTimersByTime(30_000);
  expect(told(1000)).toBe(100);

  const [room] = rooms;
  room?.leaveOut(1000);
  room?.leaveOut(1000);
  expect(room?.leftOut(1001)).toBe(0);
  expect(room?.leftOut(1000)).toBe(2);
  expect(room?.leftOut(1000)).toBe(0);
  // neither takes anything from the other
  expect(room?.take(maxPlaces, stock)).toBe(true);
  expect(room?.takeReport(maxPlaces)).toBe(true);
});
