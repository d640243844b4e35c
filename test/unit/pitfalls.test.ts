// SPDX-License-Identifier: Apache-2.0
// Every code in the title of a test is in the legend test/pitfalls.md.
import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const legend = new Set(
  [...readFileSync('test/pitfalls.md', 'utf8').matchAll(/^\| (?<code>[A-Z]\d+) /gmu)].map(
    ({ groups }) => groups?.['code'],
  ),
);

function codesOf(file: string): readonly string[] {
  const titles = readFileSync(file, 'utf8').matchAll(
    /\(\s*['`](?<codes>[A-Z]\d{1,2}(?:, [A-Z]\d{1,2})*): /gu,
  );
  return [...titles].flatMap(({ groups }) => groups?.['codes']?.split(', ') ?? []);
}

test('pitfalls: the legend has every code of a title', () => {
  const files = globSync(['test/**/*.test.ts', 'handlers-wasm/**/*.test.ts']);
  const codes = new Set(files.flatMap((file) => codesOf(file)));
  expect(codes.size).toBeGreaterThan(50);
  expect([...codes].filter((code) => !legend.has(code))).toEqual([]);
});
