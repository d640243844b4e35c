// SPDX-License-Identifier: Apache-2.0
// Words of a command line: options with one dash or two, with `=` or a space, as Go's flag package
// has them.
import { parseArgs } from 'node:util';

import { nearest } from './did-you-mean.ts';
import { AgentError } from '../errors.ts';

/** @throws AgentError AGENT_USAGE, always */
export function usage(message: string): never {
  throw new AgentError('AGENT_USAGE', message);
}

/** `-name` → `--name`, up to `--`; values that start with a dash need the form with `=`. */
function withTwoDashes(words: readonly string[]): readonly string[] {
  return words.map((word) => {
    if (word === '-h') return '--help';
    return /^-[a-z]/u.test(word) ? `-${word}` : word;
  });
}

export type OptionTable = Readonly<
  Record<
    string,
    {
      readonly type: 'string' | 'boolean';
      readonly multiple?: boolean;
      /** Of others the last one counts, as Go has it. */
      readonly isOnce?: boolean;
      /** Several words, with commas between them. */
      readonly isList?: boolean;
      /** In YAML it may be a number. */
      readonly isNumber?: boolean;
    }
  >
>;

function guessedOption(name: string, options: OptionTable): string {
  const near = nearest(name, Object.keys(options));
  return near === undefined ? '' : `. Did you mean -${near}?`;
}

/** The given options; a Map, since each command has others. */
export function parseWords(
  words: readonly string[],
  options: OptionTable,
): { readonly values: ReadonlyMap<string, unknown>; readonly rest: readonly string[] } {
  const args = [...withTwoDashes(words)];
  const { tokens, values, positionals } = parseArgs({
    args,
    options,
    // the messages of the strict mode are those of another syntax
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined)
      usage(`unknown option -${token.name}${guessedOption(token.name, options)}`);
    if (option.type === 'string' && token.value === undefined) {
      usage(`option -${token.name} needs a value`);
    }
    if (option.type === 'boolean' && token.value !== undefined) {
      usage(`option -${token.name} takes no value`);
    }
    // the first one would be forgotten without a word
    if (option.isOnce === true && given.has(token.name)) {
      usage(`option -${token.name} is given twice`);
    }
    given.add(token.name);
  }
  return { values: new Map<string, unknown>(Object.entries(values)), rest: positionals };
}

export function textOf(values: ReadonlyMap<string, unknown>, name: string): string | undefined {
  const value = values.get(name);
  return typeof value === 'string' ? value : undefined;
}

/** A whole number from 1; undefined: the option is not there. */
export function numberOf(values: ReadonlyMap<string, unknown>, name: string): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  return /^[1-9]\d{0,8}$/u.test(text) ? Number(text) : usage(`-${name} needs a number from 1`);
}

/** Of an option that may be there several times. */
export function textsOf(values: ReadonlyMap<string, unknown>, name: string): readonly string[] {
  const value = values.get(name);
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

export function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
