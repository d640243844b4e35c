// SPDX-License-Identifier: Apache-2.0
// Grants: which capabilities a handler has, and how far. A manifest asks for them, the operator's
// configuration allows them, and a handler has what is in both.
import { isDeepStrictEqual } from 'node:util';

import { AgentError } from '../errors.ts';
import type { ErrnoName } from '../syscalls/errno.ts';

/** Keys that one may have. */
export const maxStateKeys = 64;

/** Limits of a capability. An absent one does not limit it; each capability has some of these. */
export interface Limits {
  /** Functions of the interface, by their names in WIT. */
  readonly operations?: readonly string[];
  /** Folders of the container: all that is done is done in or below one of them. */
  readonly paths?: readonly string[];
  /** Types of new mounts. */
  readonly filesystems?: readonly string[];
  /** Device nodes: `c 1:3`. The agent makes none of block devices. */
  readonly nodes?: readonly string[];
  /** Number of keys that are remembered. */
  readonly keys?: number;
}

/** Plain data, so that any worker can be given it. */
export interface Grants {
  /** By the names of their interfaces. */
  readonly capabilities: Readonly<Record<string, Limits>>;
  /** The only errnos that a handler may fail a call with; absent: all. */
  readonly errnos?: readonly ErrnoName[];
  /** The only families that the host may be told to perform; absent: all that it can. */
  readonly perform?: readonly string[];
}

export const noGrants: Grants = { capabilities: {} };

// ---- what is in both ----

/**
 * The granted part of a bundle's requests.
 * @throws AgentError AGENT_COMPONENT_REFUSED, with both lists, where that is nothing at all
 */
export function grantedOf(asked: Grants, allowed: Grants): Grants {
  const capabilities: Record<string, Limits> = {};
  for (const [name, limits] of Object.entries(asked.capabilities)) {
    const allowedLimits = allowed.capabilities[name];
    if (allowedLimits === undefined) continue;
    capabilities[name] = limitsInBoth(name, limits, allowedLimits);
  }
  const missing = Object.keys(asked.capabilities).filter((name) => !(name in capabilities));
  if (missing.length > 0) {
    refuse(
      `requested: ${listed(Object.keys(asked.capabilities))}; ` +
        `granted: ${listed(Object.keys(allowed.capabilities))}`,
    );
  }
  const errnos = namesInBoth('errnos', asked.errnos, allowed.errnos);
  const perform = namesInBoth('perform.syscalls', asked.perform, allowed.perform);
  return {
    capabilities,
    ...(errnos === undefined ? {} : { errnos }),
    ...(perform === undefined ? {} : { perform }),
  };
}

/** Somebody who allows something, and how people are told of it. */
export interface GrantSource {
  readonly name: string;
  readonly grants: Grants;
}

/**
 * Several grants together. Each capability has the limits of one of them, whole: limits of two would
 * make pairs that neither allows. A grant without errnos or families lifts no limit of another.
 * @throws AgentError AGENT_GRANT_MISSING, where two of them limit the same in different ways
 */
export function grantedTogether(sources: readonly GrantSource[]): Grants {
  const names = new Set(sources.flatMap(({ grants }) => Object.keys(grants.capabilities)));
  const capabilities: Record<string, Limits> = {};
  for (const name of names) {
    const limits = theOnlyOne(name, sources, ({ capabilities: own }) => own[name]);
    if (limits !== undefined) capabilities[name] = limits;
  }
  const errnos = theOnlyOne('errnos', sources, (grants) => grants.errnos);
  const perform = theOnlyOne('perform', sources, (grants) => grants.perform);
  return {
    capabilities,
    ...(errnos === undefined ? {} : { errnos }),
    ...(perform === undefined ? {} : { perform }),
  };
}

function theOnlyOne<T extends Limits | readonly string[]>(
  what: string,
  sources: readonly GrantSource[],
  valueOf: (grants: Grants) => T | undefined,
): T | undefined {
  const said = sources.flatMap(({ name, grants }) => {
    const value = valueOf(grants);
    return value === undefined ? [] : [{ name, value }];
  });
  const [first, ...others] = said;
  if (first === undefined) return undefined;
  const different = others.find(({ value }) => !isSame(value, first.value));
  if (different === undefined) return first.value;
  throw new AgentError(
    'AGENT_GRANT_MISSING',
    `${first.name} and ${different.name} limit "${what}" in different ways: ` +
      'keep the limit in one entry and remove it from the other',
  );
}

function isSame(one: Limits | readonly string[], other: Limits | readonly string[]): boolean {
  return isDeepStrictEqual(unordered(one), unordered(other));
}

/** For comparing: lists are in any order. */
function unordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(String).toSorted();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unordered(inner)]));
}

function limitsInBoth(name: string, asked: Limits, allowed: Limits): Limits {
  const names = (limit: 'operations' | 'filesystems' | 'nodes'): Limits => {
    const both = namesInBoth(`${name}.${limit}`, asked[limit], allowed[limit]);
    return both === undefined ? {} : { [limit]: both };
  };
  const paths = inBoth(`${name}.paths`, asked.paths, allowed.paths, foldersInBoth);
  const keys = Math.min(asked.keys ?? Infinity, allowed.keys ?? Infinity);
  return {
    ...names('operations'),
    ...names('filesystems'),
    ...names('nodes'),
    ...(paths === undefined ? {} : { paths }),
    ...(keys === Infinity ? {} : { keys }),
  };
}

function namesInBoth<T extends string>(
  what: string,
  asked: readonly T[] | undefined,
  allowed: readonly T[] | undefined,
): readonly T[] | undefined {
  return inBoth(what, asked, allowed, (one, other) => one.filter((name) => other.includes(name)));
}

/** Absent is no limit, but none that both have is nothing. */
function inBoth<T extends string>(
  what: string,
  asked: readonly T[] | undefined,
  allowed: readonly T[] | undefined,
  both: (one: readonly T[], other: readonly T[]) => readonly T[],
): readonly T[] | undefined {
  if (asked === undefined || allowed === undefined) return asked ?? allowed;
  const granted = both(asked, allowed);
  if (granted.length > 0) return granted;
  return refuse(`${what}: requested: ${listed(asked)}; granted: ${listed(allowed)}`);
}

/** Of two folders of which one is in the other, the inner one. */
function foldersInBoth(one: readonly string[], other: readonly string[]): readonly string[] {
  const inner = [
    ...one.filter((folder) => other.some((outer) => isWithin(folder, outer))),
    ...other.filter((folder) => one.some((outer) => isWithin(folder, outer))),
  ];
  return [...new Set(inner)];
}

function isWithin(folder: string, outer: string): boolean {
  return outer === '/' || folder === outer || folder.startsWith(`${outer}/`);
}

function refuse(message: string): never {
  throw new AgentError('AGENT_COMPONENT_REFUSED', message);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.join(', ');
}

// ---- what workers need of it ----

/** Whether a handler that has these is stopped at anything; if not, nothing has to be asked. */
export function isLimited({ capabilities, errnos, perform }: Grants): boolean {
  return (
    errnos !== undefined ||
    perform !== undefined ||
    Object.values(capabilities).some((limits) => Object.keys(limits).length > 0)
  );
}

/** For people: a line for each grant. */
export function grantLines({ capabilities, errnos, perform }: Grants): readonly string[] {
  return [
    ...Object.entries(capabilities).map(([name, limits]) => {
      const parts = Object.entries(limits).map(
        ([limit, value]) => `${limit} ${Array.isArray(value) ? value.join(', ') : String(value)}`,
      );
      return parts.length === 0 ? `${name}, without limits` : `${name}: ${parts.join('; ')}`;
    }),
    ...(errnos === undefined ? [] : [`errnos: ${errnos.join(', ')}`]),
    ...(perform === undefined ? [] : [`perform: ${perform.join(', ')}`]),
  ];
}
