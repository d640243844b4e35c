// SPDX-License-Identifier: Apache-2.0
// Reads listenerMetadata: lines `KEY=VALUE` that select bundles and set their settings.
import { AgentError } from '../errors.ts';
import { settingKey } from './setting.ts';

export interface Metadata {
  /** In chain order; absent: it selects none. */
  readonly bundles?: readonly string[];
  /** The same for those that are asked without effect. */
  readonly shadow?: readonly string[];
  readonly settings: ReadonlyMap<string, string>;
}

const selectionKey = 'BUNDLE';
const shadowKey = 'BUNDLE_SHADOW';
const mostShown = 100;
/** Of one selection: each may have to be pulled. */
const mostNames = 16;

/** @throws AgentError AGENT_SETTING_INVALID, always */
export function wrongMetadata(what: string): never {
  throw new AgentError('AGENT_SETTING_INVALID', `listenerMetadata: ${what}`);
}

/** For a message: it may be of any length. */
function shown(text: string): string {
  return `"${text.slice(0, mostShown)}"`;
}

/** What cannot be a key may be a part of a value, and is not shown either. */
export function shownKey(key: string): string {
  return settingKey.test(key) ? shown(key) : 'what cannot be a key';
}

/** Values are not shown: they may be secrets. */
function parseLine(line: string, number: number): readonly [key: string, value: string] {
  const at = line.indexOf('=');
  if (at < 0) wrongMetadata(`line ${number} has no "="`);
  if (at === 0) wrongMetadata(`line ${number} has no key`);
  return [line.slice(0, at), line.slice(at + 1)];
}

/**
 * Names with commas in between, each once.
 * @throws AgentError AGENT_SETTING_INVALID
 */
function parseSelection(key: string, text: string): readonly string[] {
  const names = new Set<string>();
  const items = text.split(',', mostNames + 1);
  if (items.length > mostNames) wrongMetadata(`${key} names more than ${mostNames} bundles`);
  for (const name of items.map((item) => item.trim())) {
    if (name === '') wrongMetadata(`${key} has an empty name`);
    if (names.has(name)) wrongMetadata(`${key} names ${shown(name)} twice`);
    names.add(name);
  }
  return [...names];
}

/** @throws AgentError AGENT_SETTING_INVALID */
export function parseMetadata(text: string): Metadata {
  const settings = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const [key, value] = parseLine(line, index + 1);
    if (settings.has(key)) wrongMetadata(`${shownKey(key)} is there twice`);
    settings.set(key, value);
  }
  const take = (key: string): readonly string[] | undefined => {
    const selection = settings.get(key);
    settings.delete(key);
    return selection === undefined ? undefined : parseSelection(key, selection);
  };
  const [bundles, shadow] = [take(selectionKey), take(shadowKey)];
  return {
    settings,
    ...(bundles === undefined ? {} : { bundles }),
    ...(shadow === undefined ? {} : { shadow }),
  };
}
