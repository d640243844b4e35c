// SPDX-License-Identifier: Apache-2.0
// Tests that several runs of the tests end with one sum.
import { readFileSync, writeFileSync } from 'node:fs';

import { expect, test, vi } from 'vitest';

import PlainSummary from '../support/plain-summary.ts';
import { TemporaryFolder } from '../support/temporary-folder.ts';

/** A run without tests. */
function summaryOf(counts: string, errors: readonly unknown[]): readonly [string, string] {
  using folder = new TemporaryFolder();
  writeFileSync(folder.at('counts'), counts);
  vi.stubEnv('SECCOMPAGENT_TEST_COUNTS', folder.at('counts'));
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    new PlainSummary().onTestRunEnd([], errors);
    return [write.mock.calls.join('').trim(), readFileSync(folder.at('counts'), 'utf8')];
  } finally {
    write.mockRestore();
    vi.unstubAllEnvs();
  }
}

test('plain summary: the first run counts from nothing, the next adds to it', () => {
  expect(summaryOf('', [])).toEqual(['0 passed, 0 failed, 0 skipped', '0 0 0']);
  expect(summaryOf('12 1 2', [])).toEqual(['12 passed, 1 failed, 2 skipped', '12 1 2']);
});

test('plain summary: an error outside of the tests is a failure', () => {
  expect(summaryOf('12 0 2', [new Error('of a worker')])[1]).toBe('12 1 2');
});
