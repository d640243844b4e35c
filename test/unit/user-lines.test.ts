// SPDX-License-Identifier: Apache-2.0
// Tests how many lines of the log containers of users may cause, with a clock of the test's own.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { UserLines } from '../../host/log/user-lines.ts';
import { KeptLog } from '../support/kept-log.ts';

const aMinuteMs = 60_000;
const maxLines = 200;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function tellOften(lines: UserLines, peerUid: number, times: number): void {
  for (let count = 0; count < times; count += 1) {
    lines.tell({ peerUid }, 'container-attached', { container: `c${count}` });
    lines.tell({ peerUid }, 'bundles-unresolved', { container: `c${count}` });
  }
}

test('G1: lines of users: lines beyond the limit of a minute are counted, and nobody else’s', () => {
  const log = new KeptLog();
  using lines = new UserLines(log.log);
  tellOften(lines, 1000, 5000);
  expect(log.records).toHaveLength(maxLines);
  tellOften(lines, 1001, 1);
  tellOften(lines, 0, 300);
  lines.tell({}, 'container-attached', {});
  expect(log.records).toHaveLength(maxLines + 2 + 600 + 1);

  const from = log.records.length;
  vi.advanceTimersByTime(aMinuteMs);
  expect(log.records.slice(from)).toMatchObject([
    {
      event: 'user-lines-left-out',
      peerUid: 1000,
      droppedEvent: 'container-attached',
      count: 4900,
    },
    {
      event: 'user-lines-left-out',
      peerUid: 1000,
      droppedEvent: 'bundles-unresolved',
      count: 4900,
    },
  ]);
  tellOften(lines, 1000, 1);
  expect(log.records).toHaveLength(from + 2 + 2);
});

test('G1: lines of users: stops of containers are told, however much else there is', () => {
  const log = new KeptLog();
  using lines = new UserLines(log.log);
  tellOften(lines, 1000, 5000);
  for (let count = 0; count < 300; count += 1) {
    lines.tell({ peerUid: 1000 }, 'container-killed', { container: `c${count}` });
  }
  const stops = log.records.filter(({ event }) => event === 'container-killed');
  expect([stops.length, log.records.length]).toEqual([maxLines, 2 * maxLines]);
});

test('G1: lines of users: the end of the agent leaves none uncounted', () => {
  const log = new KeptLog();
  const lines = new UserLines(log.log);
  tellOften(lines, 1000, 150);
  lines[Symbol.dispose]();
  const counts = log.records.slice(maxLines).map(({ count }) => count);
  expect(counts).toEqual([50, 50]);
});
