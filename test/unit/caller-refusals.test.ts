// SPDX-License-Identifier: Apache-2.0
// Tests the warnings of operations that were refused for callers.
import { expect, onTestFinished, test, vi } from 'vitest';

import { CallerRefusals } from '../../host/worker/caller-refusals.ts';

interface Warned {
  readonly refusals: CallerRefusals;
  /** Fields of the lines. */
  readonly lines: readonly object[];
}

function refusalsOf(writeRefusal?: string): Warned {
  const lines: object[] = [];
  const log = {
    say: (level: string, fields: object): void => {
      lines.push({ level, ...fields });
    },
  };
  const refusals = new CallerRefusals({ log, shown: { container: 'c1' }, writeRefusal });
  return { refusals, lines };
}

const line = { level: 'warn', container: 'c1' };

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
  expect(lines).toEqual([{ ...line, why: 'no flag' }]);
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
  expect(lines).toEqual([{ ...line, label: 'first', errno: 'ENOENT' }]);
  vi.advanceTimersByTime(60_000);
  refusals.labelRefused('second', 'EACCES');
  expect(lines).toHaveLength(2);
});

test('caller refusals: callers with too many groups are logged once a minute', () => {
  useFakeTime();
  const { refusals, lines } = refusalsOf();
  refusals.groupsRefused();
  refusals.groupsRefused();
  expect(lines).toEqual([line]);
  vi.advanceTimersByTime(60_000);
  refusals.groupsRefused();
  expect(lines).toEqual([line, line]);
});
