// SPDX-License-Identifier: Apache-2.0
// Reads grants, of a manifest or of a configuration: each says itself where a value stands.
import { whyNotPerformed } from '../syscalls/family-table.ts';
import { families } from '../syscalls/syscall-table.ts';
import { isErrnoName } from '../syscalls/errno.ts';
import {
  grantLimits,
  grantable,
  limitForms,
  maxFolderBytes,
  maxFolders,
  maxKeys,
  maxWords,
  wordsOf,
} from './grant-limits.ts';
import type { LimitKind } from './grant-limits.ts';
import type { Grants, Limits } from '../registry/grants.ts';
import { shownKey } from '../text/shown-key.ts';

/** From the top: keys of objects, and places in lists. */
export type Keys = readonly (string | number)[];

/** Tells of what is wrong with the value at the end of some keys, and throws. */
export type Complain = (keys: Keys, what: string) => never;

/** Parsers of the limits of one grant. */
export type ParsedLimits = Readonly<Record<string, readonly string[] | number>>;

/** `x` and `must be a text` are a sentence, `x: there is no …` is none. */
export function complaint(place: string, what: string): string {
  if (place === '') return what;
  return /^(?:must|is|has|names) /u.test(what) ? `${place} ${what}` : `${place}: ${what}`;
}

/** `filesystem.paths`, whichever of its items is meant. */
export function namedKeys(keys: Keys): string {
  return keys.filter((key) => typeof key === 'string').join('.');
}

/**
 * Grants of an operator. Unknown keys are errors.
 * @throws what `complain` throws
 */
export function parseAllowed(json: unknown, complain: Complain): Grants {
  const parsed = Object.entries(objectOf(json, [], complain)).map(
    ([name, grant]) => [name, parseGrant(name, grant, { complain })] as const,
  );
  return grantsOf(new Map(parsed));
}

/** @param limits of each grant, by its name */
export function grantsOf(limits: ReadonlyMap<string, ParsedLimits>): Grants {
  const capabilities = [...limits].filter(([name]) => grantable.includes(name));
  const errnos = textsOf(limits.get('errnos')?.['names']).filter((name) => isErrnoName(name));
  const perform = textsOf(limits.get('perform')?.['syscalls']);
  return {
    capabilities: Object.fromEntries(
      capabilities.map(([name, parsed]): [string, Limits] => [name, parsed]),
    ),
    ...(errnos.length === 0 ? {} : { errnos }),
    ...(perform.length === 0 ? {} : { perform }),
  };
}

function textsOf(limit: readonly string[] | number | undefined): readonly string[] {
  return typeof limit === 'object' ? limit : [];
}

export interface GrantReading {
  readonly complain: Complain;
  /** Keys of a grant that are no limits, which somebody else reads. */
  readonly others?: readonly string[];
}

/** @throws what `complain` throws */
export function parseGrant(
  name: string,
  json: unknown,
  { complain, others = [] }: GrantReading,
): ParsedLimits {
  const kinds = grantLimits.get(name);
  if (kinds === undefined) {
    const known = [...grantLimits.keys()].join(', ');
    return complain([name], `unknown grant "${name}". Grants: ${known}`);
  }
  const grant = objectOf(json, [name], complain);
  const known = [...others, ...Object.keys(kinds)];
  const unknownKey = Object.keys(grant).find((key) => !known.includes(key));
  if (unknownKey !== undefined) {
    const list = known.length === 0 ? 'it has none' : `known are ${known.join(', ')}`;
    complain([name, unknownKey], `unknown key "${shownKey(unknownKey)}"; ${list}`);
  }
  const limits = Object.entries(kinds).flatMap(([key, kind]) =>
    grant[key] === undefined
      ? []
      : [[key, new LimitReader(kind, [name, key], complain).read(grant[key])] as const],
  );
  return Object.fromEntries(limits);
}

class LimitReader {
  readonly #kind: LimitKind;
  readonly #keys: readonly [capability: string, limit: string];
  readonly #complain: Complain;

  constructor(
    kind: LimitKind,
    keys: readonly [capability: string, limit: string],
    complain: Complain,
  ) {
    this.#kind = kind;
    this.#keys = keys;
    this.#complain = complain;
  }

  read(json: unknown): readonly string[] | number {
    if (this.#kind === 'count') return this.#count(json);
    const texts = this.#texts(json);
    const fault = this.#faultOf;
    texts.forEach((text, index) => {
      const what = fault(text);
      if (what !== undefined) this.#complain([...this.#keys, index], what);
    });
    const bytes = Buffer.byteLength(texts.join('/'));
    if (this.#kind === 'paths' && (texts.length > maxFolders || bytes >= maxFolderBytes)) {
      this.#complain(this.#keys, `has more than ${maxFolders} folders, or very long ones`);
    }
    return texts;
  }

  /** The error in a text; undefined: none. */
  readonly #faultOf = (text: string): string | undefined => {
    const kind = this.#kind;
    if (kind === 'paths' || kind === 'filesystems' || kind === 'nodes') {
      const { pattern, what } = limitForms[kind];
      return pattern.test(text) ? undefined : `"${text}" is not a valid ${what}`;
    }
    const words = wordsOf(kind, this.#keys[0]) ?? [];
    if (words.includes(text)) return undefined;
    const list = `Values: ${words.join(', ')}`;
    return kind === 'families' && families().includes(text)
      ? `the host cannot perform "${text}"${whyNotPerformed(text)}. ${list}`
      : `unknown value "${text}". ${list}`;
  };

  #count(json: unknown): number {
    const isCount = typeof json === 'number' && Number.isInteger(json);
    if (isCount && json >= 1 && json <= maxKeys) return json;
    return this.#complain(this.#keys, `must be a number from 1 to ${maxKeys}`);
  }

  /** Each once. None at all would be no grant. */
  #texts(json: unknown): readonly string[] {
    if (!Array.isArray(json)) return this.#complain(this.#keys, 'must be a list');
    const items: readonly unknown[] = json;
    if (items.length === 0) this.#complain(this.#keys, 'is empty');
    if (items.length > maxWords) this.#complain(this.#keys, `has more than ${maxWords} items`);
    return items.map((item, index) => {
      const keys = [...this.#keys, index];
      if (typeof item !== 'string') return this.#complain(keys, 'must be a list of strings');
      if (items.indexOf(item) !== index) this.#complain(keys, `names "${item}" twice`);
      return item;
    });
  }
}

function objectOf(
  json: unknown,
  keys: Keys,
  complain: Complain,
): Readonly<Record<string, unknown>> {
  return isObject(json) ? json : complain(keys, 'must be an object');
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
