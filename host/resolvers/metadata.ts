// SPDX-License-Identifier: Apache-2.0
// Reads listenerMetadata: lines `KEY=VALUE` that select bundles and set their settings.
import { AgentError } from '../errors.ts';
import { nearest } from '../text/did-you-mean.ts';
import { defaultActionOf } from '../registry/policy.ts';
import type { DefaultAction } from '../registry/policy.ts';
import { settingKey } from '../bundles/setting.ts';
import { middlewareNames } from '../registry/policy.ts';
import type { MiddlewareName } from '../registry/policy.ts';

export interface Metadata {
  /** In chain order; absent: it selects none. */
  readonly bundles?: readonly string[];
  /** The same for those that are asked without effect. */
  readonly shadow?: readonly string[];
  /** For calls that no handler answers; absent: it says nothing of it. */
  readonly defaultAction?: DefaultAction;
  readonly middleware?: readonly MiddlewareName[];
  readonly settings: ReadonlyMap<string, string>;
}

const selectionKey = 'BUNDLE';
const shadowKey = 'BUNDLE_SHADOW';
const defaultKey = 'DEFAULT_ACTION';
const middlewareKey = 'MIDDLEWARE';
const maxShown = 100;
/** Of keys that are wrong. */
const maxListed = 10;
/** Of one selection: each may have to be pulled. */
const maxNames = 16;

/** @throws AgentError AGENT_SETTING_INVALID, always */
export function wrongMetadata(what: string): never {
  throw new AgentError('AGENT_SETTING_INVALID', `listenerMetadata: ${what}`);
}

/** For a message: it may be of any length. */
function shown(text: string): string {
  return `"${text.slice(0, maxShown)}"`;
}

/** A text that cannot be a key may be a part of a value, so it is not shown either. */
export function shownKey(key: string): string {
  return settingKey.test(key) ? shown(key) : 'what cannot be a key';
}

/** With what was meant, where that is a word of the metadata's own. */
function guessedKey(key: string): string {
  const meant = nearest(key, [selectionKey, shadowKey, defaultKey, middlewareKey]);
  return meant === undefined ? shownKey(key) : `${shownKey(key)} (did you mean "${meant}"?)`;
}

/** Errors of keys for which there is no bundle with such settings. */
export function unselected(keys: readonly string[]): string {
  const listed = keys.slice(0, maxListed).map((key) => guessedKey(key));
  const rest = keys.length > maxListed ? ` and ${keys.length - maxListed} more` : '';
  return `${listed.join(', ')}${rest} set, but no bundle is selected`;
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
function parseNames(key: string, text: string): readonly string[] {
  const names = new Set<string>();
  const items = text.split(',', maxNames + 1);
  if (items.length > maxNames) wrongMetadata(`${key} has more than ${maxNames} names`);
  for (const name of items.map((item) => item.trim())) {
    if (name === '') wrongMetadata(`${key} has an empty name`);
    if (names.has(name)) wrongMetadata(`${key} names ${shown(name)} twice`);
    names.add(name);
  }
  return [...names];
}

function parseDefault(text: string): DefaultAction {
  return (
    defaultActionOf(text) ??
    wrongMetadata(`${defaultKey} must be kill-container, freeze-container, errno:NAME or continue`)
  );
}

function isMiddleware(name: string): name is MiddlewareName {
  return middlewareNames.some((known) => known === name);
}

/**
 * Middleware for the calls of a container whose metadata is wrong: all that it names and that exist. It
 * never throws.
 */
export function namedMiddleware(text: string): readonly MiddlewareName[] {
  const names = text
    .split('\n')
    .filter((line) => line.startsWith(`${middlewareKey}=`))
    .flatMap((line) => line.slice(middlewareKey.length + 1).split(','))
    .map((name) => name.trim());
  return [...new Set(names.filter(isMiddleware))];
}

function parseMiddleware(text: string): readonly MiddlewareName[] {
  return parseNames(middlewareKey, text).map((name) => {
    if (isMiddleware(name)) return name;
    return wrongMetadata(
      `${middlewareKey} names ${shown(name)}: ${middlewareNames.join(', ')} exist`,
    );
  });
}

/** @throws AgentError AGENT_SETTING_INVALID */
export function parseMetadata(text: string): Metadata {
  const settings = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const [key, value] = parseLine(line, index + 1);
    if (settings.has(key)) wrongMetadata(`${shownKey(key)} is duplicated`);
    settings.set(key, value);
  }
  const take = <T>(key: string, parse: (value: string) => T): T | undefined => {
    const value = settings.get(key);
    settings.delete(key);
    return value === undefined ? undefined : parse(value);
  };
  const bundles = take(selectionKey, (value) => parseNames(selectionKey, value));
  const shadow = take(shadowKey, (value) => parseNames(shadowKey, value));
  const defaultAction = take(defaultKey, parseDefault);
  const middleware = take(middlewareKey, parseMiddleware);
  return {
    settings,
    ...(bundles === undefined ? {} : { bundles }),
    ...(shadow === undefined ? {} : { shadow }),
    ...(defaultAction === undefined ? {} : { defaultAction }),
    ...(middleware === undefined ? {} : { middleware }),
  };
}
