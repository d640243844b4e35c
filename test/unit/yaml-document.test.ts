// SPDX-License-Identifier: Apache-2.0
// Tests what is said of texts that are no YAML, and that none ends the process or is shown.
import { expect, test } from 'vitest';

import { readYaml } from '../../host/text/yaml-document.ts';
import { parseYaml } from '../../host/text/yaml-file.ts';
import { tooDeepAt } from '../../host/text/yaml-nesting.ts';

const long = 200_000;

const deep: readonly (readonly [name: string, text: string])[] = [
  ['brackets', '['.repeat(long)],
  ['closed brackets', `a: ${'['.repeat(long)}${']'.repeat(long)}`],
  ['braces', '{a: '.repeat(long)],
  ['lists on one line', '- '.repeat(long)],
  ['keys on one line', '? '.repeat(long)],
  ['tags', '!a '.repeat(long)],
  ['lines', Array.from({ length: 500 }, (_, index) => `${' '.repeat(index)}a:`).join('\n')],
];

test.for(deep)('yaml: %s: what is nested too deeply is refused, not parsed', ([, text]) => {
  expect(readYaml(text).error?.offset).toBe(tooDeepAt(text));
  expect(readYaml(text).error?.offset).toBeGreaterThan(0);
});

test('yaml: what is long is not deep', () => {
  const texts = [
    '- a\n'.repeat(1000),
    `[${'[], '.repeat(1000)}]`,
    'a: { b: [1, 2], c: "[[[" }\n# [[[\n'.replaceAll('a', 'b'),
    Array.from(
      { length: 1000 },
      (_, index) => `k${index}:\n  - a: !!str b # c\n    d: |\n      e`,
    ).join('\n'),
    `a: "${'['.repeat(1000)}"\nb: |\n  ${'- '.repeat(1000)}`,
  ];
  for (const text of texts) expect(tooDeepAt(text)).toBeUndefined();
  expect(texts.map((text) => readYaml(text).error)).toEqual(texts.map(() => undefined));
});

test.for([
  'a: *hush',
  'a: !hush b',
  'a: !<hush b',
  '%hush',
  '"a" hush',
  'a: "\\xhush"',
  'a: |hush\n  b',
  'a: !!int hush',
  'a: !!map hush',
  '[a, b] hush',
  'a: %hush',
  'a: hush: hush',
  '}hush',
  '- a\nhush: b',
])('yaml: %s: nothing of the text is in what is said of it', (text) => {
  const said: string[] = [];
  const fault = new Error('refused');
  expect(() =>
    parseYaml(text, 'f', (place, what) => {
      said.push(place, what);
      throw fault;
    }),
  ).toThrow(fault);
  expect(said.join(' ')).not.toContain('hush');
});
