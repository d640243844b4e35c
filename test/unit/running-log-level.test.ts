// SPDX-License-Identifier: Apache-2.0
// Tests what a change of the log level does to the log and to containers that are there.
import { expect, test } from 'vitest';

import { RunningLogLevel } from '../../host/containers/running-log-level.ts';
import type { LogLevel } from '../../host/log/log-events.ts';
import { KeptLog } from '../support/kept-log.ts';

test.for<[LogLevel, LogLevel, boolean, boolean]>([
  ['info', 'debug', true, true],
  ['debug', 'info', true, true],
  ['trace', 'debug', false, true],
  ['info', 'error', false, true],
  ['error', 'info', false, true],
  ['warn', 'error', false, false],
  ['fatal', 'trace', true, true],
])('RunningLogLevel: from %s to %s', async ([from, to, isOffered, isTold]) => {
  const kept = new KeptLog();
  kept.log.level = from;
  const offered: number[] = [];
  const level = new RunningLogLevel({
    log: kept.log,
    containers: {
      all: () => [1, 2].map((token) => [token, {}] as const),
      offerAgain: (token) => void offered.push(token),
    },
  });
  expect(await level.change(to)).toBe(from);
  expect(level.level).toBe(to);
  expect(offered).toEqual(isOffered ? [1, 2] : []);
  expect(kept.records.map(({ from: before, to: now }) => [before, now])).toEqual(
    isTold ? [[from, to]] : [],
  );
  offered.length = 0;
  expect(await level.change(to)).toBe(to);
  expect(offered).toEqual([]);
});
