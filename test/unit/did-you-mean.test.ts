// SPDX-License-Identifier: Apache-2.0
// Tests which known word is guessed at, and that nobody makes guessing take long.
import { expect, test } from 'vitest';

import { choicesAt, guessAt, nearest } from '../../host/text/did-you-mean.ts';
import { processorMs } from '../support/processor-time.ts';

test.for([
  ['MKDIR_TMPl', 'MKDIR_TMPL'],
  ['MKDRI_TMPL', 'MKDIR_TMPL'],
  ['MKDIR', undefined],
  ['SUFIX', 'SUFFIX'],
] as const)('did you mean: of %s it is %s', ([word, meant]) => {
  expect(nearest(word, ['SUFFIX', 'MKDIR_TMPL'])).toBe(meant);
});

test('did you mean: the guess is a question, before the list of known words', () => {
  expect(guessAt('SUFIX', ['SUFFIX'])).toMatch(/^\. .*"SUFFIX"\?$/u);
  expect(guessAt('other', ['SUFFIX'])).toBe('');
  expect(choicesAt('SUFIX', ['SUFFIX', 'A'], 'Keys')).toMatch(/\? Keys: SUFFIX, A$/u);
  expect(choicesAt('other', ['SUFFIX', 'A'], 'Keys')).toBe('. Keys: SUFFIX, A');
});

test('A7: did you mean: however many words are known, guessing takes no time', () => {
  const known = Array.from({ length: 100_000 }, (_, index) => `${index}`.padStart(64, 'y'));
  const began = processorMs();
  expect(nearest('x'.repeat(64), known)).toBeUndefined();
  expect(nearest('mkdri', ['chmod', 'mkdir', ...known])).toBe('mkdir');
  // each beside each other would be a minute
  expect(processorMs() - began).toBeLessThan(5000);
});

test('G3: did you mean: of words that nobody types no guess is made', () => {
  const typed = 'x'.repeat(64);
  expect(nearest(typed, [`${typed}y`])).toBe(`${typed}y`);
  expect(nearest(`${typed}x`, [typed])).toBeUndefined();
});
