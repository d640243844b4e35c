// SPDX-License-Identifier: Apache-2.0
// Names in a message, in whatever words: files, keys, values, options, commands.
import { expect } from 'vitest';

/** Matches a text that has all of these in it, so that its sentences can be improved. */
export function naming(...nouns: readonly string[]): string {
  const ahead = nouns.map((noun) => `(?=[^]*${escaped(noun)})`);
  return expect.stringMatching(new RegExp(`^${ahead.join('')}`, 'u'));
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+./?[\\\]^{|}]/gu, String.raw`\$&`);
}
