// SPDX-License-Identifier: Apache-2.0
// Tests which connections to the metrics port are closed where there are too many.
import { Socket } from 'node:net';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Connections, sourceOf } from '../../host/metrics/connections.ts';

function socketFrom(remoteAddress: string): Socket {
  return Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });
}

const [ours, theirs] = ['192.0.2.1', '192.0.2.2'];
const room = { silent: 32, scrape: 32, probe: 256 } as const;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function many(connections: Connections, from: string, count: number): readonly Socket[] {
  return Array.from({ length: count }, () => {
    const socket = socketFrom(from);
    connections.admit(socket);
    return socket;
  });
}

function openOf(sockets: readonly Socket[]): readonly number[] {
  return sockets.flatMap((socket, index) => (socket.destroyed ? [] : [index]));
}

test('G1: connections: of many that are silent, the last ones of each who has most stay', () => {
  const connections = new Connections();
  const [own] = many(connections, ours, 1);
  const silent = many(connections, theirs, 200);
  expect(own?.destroyed).toBe(false);
  const stay = room.silent - 1;
  expect(openOf(silent)).toEqual(Array.from({ length: stay }, (_, index) => 200 - stay + index));
});

test.for(['scrape', 'probe'] as const)(
  'G1: connections: who has asked for a %s waits, and who has most is refused further ones',
  (kind) => {
    const connections = new Connections();
    const asking = (from: string): Socket => {
      const [socket = new Socket()] = many(connections, from, 1);
      connections.asked(socket, kind);
      return socket;
    };
    const before = asking(ours);
    const others = Array.from({ length: 2 * room[kind] }, () => asking(theirs));
    const after = asking(ours);
    expect([before, after].map(({ destroyed }) => destroyed)).toEqual([false, false]);
    expect(openOf(others)).toEqual(Array.from({ length: room[kind] - 2 }, (_, index) => index));
  },
);

test('G1: connections: those that wait for metrics take nothing from those that probe', () => {
  const connections = new Connections();
  const scrapes = many(connections, ours, room.scrape);
  for (const socket of scrapes) connections.asked(socket, 'scrape');
  const [probe = new Socket()] = many(connections, ours, 1);
  connections.asked(probe, 'probe');
  many(connections, ours, room.silent);
  expect(probe.destroyed).toBe(false);
  expect(openOf(scrapes)).toHaveLength(room.scrape);
});

test('connections: each is closed after a while, and one that has ended makes room', () => {
  const connections = new Connections();
  const [first, second] = many(connections, ours, 2);
  first?.destroy();
  vi.advanceTimersByTime(4999);
  expect(second?.destroyed).toBe(false);
  vi.advanceTimersByTime(1);
  expect(second?.destroyed).toBe(true);
});

test('connections: all addresses of a network of IPv6 are one source', () => {
  expect(sourceOf('192.0.2.1')).toBe('192.0.2.1');
  expect(sourceOf('::ffff:192.0.2.1')).toBe('::ffff:192.0.2.1');
  expect(sourceOf('2001:db8::1')).toBe('2001:db8:0:0');
  expect(sourceOf('2001:db8:0:0:5::1')).toBe('2001:db8:0:0');
  expect(sourceOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2');
  expect(sourceOf('::1')).toBe('0:0:0:0');
  expect(sourceOf('fe80::1%eth0')).toBe('fe80:0:0:0');
});
