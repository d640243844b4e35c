// SPDX-License-Identifier: Apache-2.0
// Tests how many lines of the log containers of users may cause, with a clock of the test's own.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { UserLines } from '../../host/containers/user-lines.ts';
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
    lines.tell({ peerUid }, 'info', { container: `c${count}` }, 'container attached');
    lines.tell({ peerUid }, 'error', { container: `c${count}` }, 'container refused');
  }
}

test('G1: lines of users: lines beyond the limit of a minute are counted, and nobody else’s', () => {
  const log = new KeptLog();
  using lines = new UserLines(log.logger);
  tellOften(lines, 1000, 5000);
  expect(log.lines).toHaveLength(maxLines);
  tellOften(lines, 1001, 1);
  tellOften(lines, 0, 300);
  lines.tell({}, 'info', {}, 'container attached');
  expect(log.lines).toHaveLength(maxLines + 2 + 600 + 1);

  const from = log.lines.length;
  vi.advanceTimersByTime(aMinuteMs);
  expect(log.lines.slice(from)).toMatchObject([
    { level: 'warn', peerUid: 1000, line: 'container attached', count: 4900 },
    { level: 'warn', peerUid: 1000, line: 'container refused', count: 4900 },
  ]);
  tellOften(lines, 1000, 1);
  expect(log.lines).toHaveLength(from + 2 + 2);
});

test('G1: lines of users: the end of the agent leaves none uncounted', () => {
  const log = new KeptLog();
  const lines = new UserLines(log.logger);
  tellOften(lines, 1000, 150);
  lines[Symbol.dispose]();
  const counts = log.lines.slice(maxLines).map(({ count }) => count);
  expect(counts).toEqual([50, 50]);
});
