// SPDX-License-Identifier: Apache-2.0
// Grants: which capabilities a handler has, and how far. A manifest asks for them, the operator's
// configuration allows them, and a handler has what is in both.
import { AgentError } from '../errors.ts';
import type { ErrnoName } from '../handler/errno.ts';

/** How far a capability goes. What is absent is not limited; each capability has some of these. */
export interface Limits {
  /** Functions of the interface, by their names in WIT. */
  readonly operations?: readonly string[];
  /** Folders of the container: all that is done is done in or below one of them. */
  readonly paths?: readonly string[];
  /** Types of new mounts. */
  readonly filesystems?: readonly string[];
  /** Device nodes: `c 1:3`. The agent makes none of block devices. */
  readonly nodes?: readonly string[];
  /** How many keys are remembered. */
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
 * What a bundle has of what it asks for.
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
      `it asks for ${listed(Object.keys(asked.capabilities))}; ` +
        `the operator allows ${listed(Object.keys(allowed.capabilities))}`,
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

/** What two signers, or a signer and an entry of the bundle itself, allow together. */
export function eitherOf(one: Grants, other: Grants): Grants {
  const capabilities: Record<string, Limits> = { ...one.capabilities };
  for (const [name, limits] of Object.entries(other.capabilities)) {
    const known = capabilities[name];
    capabilities[name] = known === undefined ? limits : limitsInEither(known, limits);
  }
  const errnos = either(one.errnos, other.errnos);
  const perform = either(one.perform, other.perform);
  return {
    capabilities,
    ...(errnos === undefined ? {} : { errnos }),
    ...(perform === undefined ? {} : { perform }),
  };
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

function limitsInEither(one: Limits, other: Limits): Limits {
  const names = (limit: 'operations' | 'paths' | 'filesystems' | 'nodes'): Limits => {
    const all = either(one[limit], other[limit]);
    return all === undefined ? {} : { [limit]: all };
  };
  const isCounted = one.keys !== undefined && other.keys !== undefined;
  return {
    ...names('operations'),
    ...names('paths'),
    ...names('filesystems'),
    ...names('nodes'),
    ...(isCounted ? { keys: Math.max(one.keys, other.keys) } : {}),
  };
}

function either<T>(
  one: readonly T[] | undefined,
  other: readonly T[] | undefined,
): readonly T[] | undefined {
  if (one === undefined || other === undefined) return undefined;
  return [...new Set([...one, ...other])];
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
  return refuse(`${what}: it asks for ${listed(asked)}; the operator allows ${listed(allowed)}`);
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
