// SPDX-License-Identifier: Apache-2.0
// Tests the warnings of operations that were refused for callers.
import { expect, onTestFinished, test, vi } from 'vitest';

import { CallerRefusals } from '../../host/worker/caller-refusals.ts';

const container = 'c1';

interface Warned {
  readonly refusals: CallerRefusals;
  /** Events, with the fields of their lines. */
  readonly lines: readonly object[];
}

function refusalsOf(writeRefusal?: string): Warned {
  const lines: object[] = [];
  const log = {
    say: (event: string, fields: object): boolean => {
      lines.push({ event, ...fields });
      return true;
    },
  };
  const refusals = new CallerRefusals({ log, shown: { container }, writeRefusal });
  return { refusals, lines };
}

function useFakeTime(): void {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

test('M4: caller refusals: refused writes are logged once', () => {
  const { refusals, lines } = refusalsOf('no flag');
  refusals.writeRefused();
  refusals.writeRefused();
  expect(lines).toEqual([{ event: 'caller-memory-refused', container, why: 'no flag' }]);
});

test('M4: caller refusals: a container whose callers may be written to has no line', () => {
  const { refusals, lines } = refusalsOf();
  refusals.writeRefused();
  expect(lines).toEqual([]);
});

test('A1: LSM label: caller refusals: a refused label is logged once a minute', () => {
  useFakeTime();
  const { refusals, lines } = refusalsOf();
  refusals.labelRefused('first', 'ENOENT');
  refusals.labelRefused('second', 'EACCES');
  const first = { event: 'caller-label-refused', container, label: 'first', errno: 'ENOENT' };
  expect(lines).toEqual([first]);
  vi.advanceTimersByTime(60_000);
  refusals.labelRefused('second', 'EACCES');
  expect(lines).toEqual([first, { ...first, label: 'second', errno: 'EACCES' }]);
});

test('caller refusals: callers with too many groups are logged once a minute', () => {
  useFakeTime();
  const { refusals, lines } = refusalsOf();
  refusals.groupsRefused();
  refusals.groupsRefused();
  const line = { event: 'caller-groups-refused', container };
  expect(lines).toEqual([line]);
  vi.advanceTimersByTime(60_000);
  refusals.groupsRefused();
  expect(lines).toEqual([line, line]);
});
