// SPDX-License-Identifier: Apache-2.0
// The grants that a bundle.json asks for: capabilities, why, and within which limits.
import { errnos } from '../handler/errno.ts';
import { capabilities } from '../handler/direct.ts';
import { canPerform } from '../notification/perform-plan.ts';
import { families } from '../notification/syscall-table.ts';
import { parseAllowed } from './grants.ts';
import type { Grants } from './grants.ts';
import { entriesOf, invalid, objectOf, proseOf, uniqueTexts } from './json-value.ts';

/** What a limit lists, or `count`: how many. */
export type LimitKind =
  | 'operations'
  | 'paths'
  | 'filesystems'
  | 'nodes'
  | 'count'
  | 'errnos'
  | 'families';

/**
 * Everything that can be asked for, with its limits. `errnos` and `perform` are no interfaces: they
 * limit what handlers answer.
 */
export const grantLimits: ReadonlyMap<string, Readonly<Record<string, LimitKind>>> = new Map<
  string,
  Readonly<Record<string, LimitKind>>
>([
  ['caller', {}],
  ['container', { operations: 'operations' }],
  ['descriptors', { operations: 'operations' }],
  ['devices', { nodes: 'nodes' }],
  ['filesystem', { operations: 'operations', paths: 'paths' }],
  ['memory', { operations: 'operations' }],
  ['mounts', { filesystems: 'filesystems', operations: 'operations' }],
  ['overlay', {}],
  ['state', { keys: 'count' }],
  ['errnos', { names: 'errnos' }],
  ['perform', { syscalls: 'families' }],
]);

export interface WantedGrant {
  /** The name of one of the host's interfaces, or `errnos` or `perform`. */
  readonly capability: string;
  /** For people: what the bundle does with it. */
  readonly reason: string;
  /** A limit that is absent does not limit. */
  readonly limits: Readonly<Record<string, readonly string[] | number>>;
}

export const mostKeys = 64;

/** The functions of an interface by their names in WIT. */
export function operationsOf(capability: string): readonly string[] {
  return [...(capabilities.find(({ name }) => name === capability)?.functions.keys() ?? [])];
}

/** Whether the word is an interface that a component may import. */
export function isInterface(capability: string): boolean {
  return operationsOf(capability).length > 0;
}

function within(texts: readonly string[], place: string, known: readonly string[]): void {
  const unknown = texts.find((text) => !known.includes(text));
  if (unknown === undefined) return;
  invalid(`${place}: there is no "${unknown}"; known are ${known.join(', ')}`);
}

interface Form {
  readonly pattern: RegExp;
  readonly what: string;
}

export const limitForms: Readonly<Record<'paths' | 'filesystems' | 'nodes', Form>> = {
  paths: {
    pattern: /^\/$|^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/u,
    what: 'absolute path without "." and ".."',
  },
  filesystems: { pattern: /^[\w.-]+$/u, what: 'type of file systems' },
  nodes: { pattern: /^[bc] \d{1,7}:\d{1,7}$/u, what: 'device such as "c 1:3"' },
};

function allMatch(texts: readonly string[], place: string, { pattern, what }: Form): void {
  const wrong = texts.find((text) => !pattern.test(text));
  if (wrong !== undefined) invalid(`${place}: "${wrong}" is no ${what}`);
}

/** The words that a limit may list. */
function wordsOf(
  kind: 'operations' | 'errnos' | 'families',
  capability: string,
): readonly string[] {
  switch (kind) {
    case 'operations':
      return operationsOf(capability);
    case 'errnos':
      return errnos.map(([name]) => name);
    case 'families':
      return families().filter(canPerform);
  }
}

interface LimitPlace {
  readonly place: string;
  readonly capability: string;
}

function parseCount(json: unknown, place: string): number {
  if (typeof json === 'number' && Number.isInteger(json) && json >= 1 && json <= mostKeys) {
    return json;
  }
  return invalid(`${place} must be a number from 1 to ${mostKeys}`);
}

function parseLimit(
  json: unknown,
  kind: LimitKind,
  { place, capability }: LimitPlace,
): readonly string[] | number {
  if (kind === 'count') return parseCount(json, place);
  const texts = uniqueTexts(json, place);
  if (kind === 'paths' || kind === 'filesystems' || kind === 'nodes') {
    allMatch(texts, place, limitForms[kind]);
  } else within(texts, place, wordsOf(kind, capability));
  return texts;
}

function parseGrant(capability: string, json: unknown, place: string): WantedGrant {
  const kinds = grantLimits.get(capability);
  if (kinds === undefined) {
    const known = [...grantLimits.keys()].join(', ');
    return invalid(`${place}: there is no grant "${capability}"; there are ${known}`);
  }
  const at = `${place}.${capability}`;
  const grant = objectOf(json, at, ['reason', ...Object.keys(kinds)]);
  const limits = Object.entries(kinds).flatMap(([key, kind]) =>
    grant[key] === undefined
      ? []
      : [[key, parseLimit(grant[key], kind, { place: `${at}.${key}`, capability })] as const],
  );
  return {
    capability,
    reason: proseOf(grant['reason'], `${at}.reason`),
    limits: Object.fromEntries(limits),
  };
}

/** @throws AgentError AGENT_BUNDLE_INVALID */
export function parseGrants(json: unknown, place: string): readonly WantedGrant[] {
  return entriesOf(json, place).map(([capability, grant]) => parseGrant(capability, grant, place));
}

/** The same as what operators allow. */
export function askedGrants(wanted: readonly WantedGrant[]): Grants {
  const limits = Object.fromEntries(wanted.map((grant) => [grant.capability, grant.limits]));
  return parseAllowed(limits, (keys, what) => invalid(`grants.${keys.join('.')}: ${what}`));
}
