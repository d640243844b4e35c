// SPDX-License-Identifier: Apache-2.0
// What nobody has read of the calls that workers write down: it has a bound, by the agent's memory and
// by the number of calls, and no container takes all of it.
import { expect, test } from 'vitest';

import { maxPlaces } from '../../host/counting/container-places.ts';
import { UnreadCounter, UnreadRoom } from '../../host/recording/tape-room.ts';

const mebibyte = 2 ** 20;
const limitBytes = 512 * mebibyte;
const maxBytes = 16 * mebibyte;
const callBytes = 100_000;

interface Sent {
  readonly calls: number;
  readonly costs: readonly number[];
}

/** Sends for a container as much as it may; all of it comes. */
function fill(room: UnreadRoom, worker: UnreadCounter, place: number, bytes: number): Sent {
  const costs: number[] = [];
  while (worker.hasRoom(place, bytes)) {
    const cost = worker.send(bytes);
    worker.come(cost);
    room.take(place, cost);
    costs.push(cost);
  }
  return { calls: costs.length, costs };
}

test('tape room: unread calls are limited, and make room again once they are read', () => {
  const room = new UnreadRoom(limitBytes);
  const worker = new UnreadCounter(room.buffers());
  const { calls, costs } = fill(room, worker, 1, callBytes);
  expect(calls * callBytes).toBeGreaterThan(maxBytes / 3);
  expect(calls * callBytes).toBeLessThan(maxBytes / 2 + callBytes);
  expect(room.isEmpty).toBe(false);
  for (const cost of costs) room.leave(1, cost);
  expect(room.isEmpty).toBe(true);
  expect(fill(room, worker, 1, callBytes).calls).toBe(calls);
});

test('tape room: all workers together have no more than there is', () => {
  const room = new UnreadRoom(limitBytes);
  const workers = Array.from({ length: 48 }, () => new UnreadCounter(room.buffers()));
  let bytes = 0;
  for (const [index, worker] of workers.entries()) {
    bytes += fill(room, worker, index % 4, callBytes).calls * callBytes;
  }
  expect(bytes).toBeLessThanOrEqual(maxBytes);
});

test('tape room: small calls have a bound, too', () => {
  const room = new UnreadRoom(limitBytes);
  expect(fill(room, new UnreadCounter(room.buffers()), 1, 1).calls).toBeLessThan(5000);
});

test('tape room: a worker sends only so much that the main thread has not taken', () => {
  const worker = new UnreadCounter(new UnreadRoom(limitBytes).buffers());
  let bytes = 0;
  for (; worker.hasRoom(1, callBytes); bytes += callBytes) worker.send(callBytes);
  expect(bytes).toBeGreaterThan(maxBytes / 10);
  expect(bytes).toBeLessThan(maxBytes / 6);
  expect(worker.isEmpty).toBe(false);
});

test('tape room: containers whose calls nobody reads leave room to others', () => {
  const room = new UnreadRoom(limitBytes);
  const worker = new UnreadCounter(room.buffers());
  for (const place of [1, 2, maxPlaces]) fill(room, worker, place, callBytes);
  expect(fill(room, worker, 3, callBytes).calls).toBeGreaterThan(1);
});
