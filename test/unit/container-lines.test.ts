// SPDX-License-Identifier: Apache-2.0
// Lines of the log on single containers are counted by user: users may have any number of containers,
// one after the other.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../host');

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

/** Calls of a method, each up to the end of the statement. */
function callsOf(method: string, text: string): readonly string[] {
  return [...text.matchAll(new RegExp(`\\.${method}\\([^;]*;`, 'gu'))].map(([call]) => call);
}

test('G1: lines on containers: none is written by what does not know the user', () => {
  const found = sources.flatMap(({ text }) => callsOf('event', text));
  expect(found.length).toBeGreaterThan(40);
  expect(found.filter((call) => /\bcontainer(?:Id)?\b|\bshown/u.test(call))).toEqual([
    // for those who want every call
    expect.stringContaining("'call-answered'"),
  ]);
});

/** Each says in its own way how many there may be. */
const counting = [
  'containers/ended-agents.ts',
  'containers/stranded.ts',
  'log/user-lines.ts',
  'worker/call-failure.ts',
  'worker/crowded-warning.ts',
  'worker/user-log.ts',
];

test('G1: lines on containers: those that are counted are counted in a few places', () => {
  const found = sources.filter(({ text }) => callsOf('counted', text).length > 0);
  expect(found.map(({ path }) => path).toSorted()).toEqual(counting);
});
