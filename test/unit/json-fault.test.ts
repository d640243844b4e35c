// SPDX-License-Identifier: Apache-2.0
// Tests where a text stops being JSON, beside JSON.parse, which says whether it is.
import { expect, test } from 'vitest';

import { jsonFaultAt } from '../../host/text/json-fault.ts';
import { randomNumbers } from '../support/random-numbers.ts';

/** `^` stands before what is wrong. */
test.for([
  '^',
  ' ^',
  '{"a": 1}',
  '^nothing',
  '{"a": ^xyz}',
  '{"a": 1,\n^}',
  '[1,\n  ^]',
  '[1,\n ^// comment\n 2]',
  '{^// comment\n "a": 1}',
  '{"a" ^1}',
  '{^a: 1}',
  '{"a": 1 ^"b": 2}',
  '[1 ^2]',
  '[^"line\nend"]',
  '{"a": ^"open}',
  '{"a": [1, 2^}',
  '{"a": 1}\n^}',
  '[0^1]',
  '[^.5]',
  '{"a": 1, ^',
])('jsonFaultAt: %j', (marked) => {
  const text = marked.replace('^', '');
  expect(jsonFaultAt(text)).toBe(marked.includes('^') ? marked.indexOf('^') : undefined);
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const whole = '{"a": [1, -2.5e3, "b\\u0041\\n", true, null, {}], "c": {"d": [], "e": false}}';
const pieces = ['""', 'null', '\u0000', 'é', ...Array.from('{}[],:"01-.eE+\\/ \n\tatrufl')];

test('jsonFaultAt: of 20,000 changed texts it says of none what JSON.parse does not', () => {
  const random = randomNumbers(7);
  let faults = 0;
  for (let round = 0; round < 20_000; round += 1) {
    let text = whole;
    for (let change = random(3); change >= 0; change -= 1) {
      const at = random(text.length + 1);
      const piece = pieces[random(pieces.length)] ?? '';
      text = `${text.slice(0, at)}${piece}${text.slice(at + random(3))}`;
    }
    const at = jsonFaultAt(text);
    expect({ text, isJson: at === undefined }).toEqual({ text, isJson: isJson(text) });
    faults += at === undefined ? 0 : 1;
  }
  expect(faults).toBeGreaterThan(10_000);
});
