// SPDX-License-Identifier: Apache-2.0
// Grants and their limits: the tables that manifests and configurations are read by.
import { hostFunctions, needsGrant } from '../call/host-functions.ts';
import type { LimitName } from '../call/host-functions.ts';
import { capabilities } from '../handler/capabilities/offered.ts';
import { errnos } from '../syscalls/errno.ts';
import { canPerform } from '../syscalls/family-table.ts';
import { maxStateKeys } from '../registry/grants.ts';
import { families } from '../syscalls/syscall-table.ts';

/** Type of a limit's values, or `count`: a number. */
export type LimitKind =
  | 'operations'
  | 'paths'
  | 'filesystems'
  | 'nodes'
  | 'count'
  | 'errnos'
  | 'families';

type LimitKinds = Readonly<Record<string, LimitKind>>;

/** Limits of functions, by the table of host functions. */
const kinds: Readonly<Record<LimitName, LimitKind>> = {
  filesystems: 'filesystems',
  keys: 'count',
  nodes: 'nodes',
  operations: 'operations',
  paths: 'paths',
};

function limitsOf(capability: string): LimitKinds {
  const names = hostFunctions
    .filter((each) => each.capability === capability)
    .flatMap(({ limits }) => limits);
  return Object.fromEntries([...new Set(names)].toSorted().map((name) => [name, kinds[name]]));
}

/** All that can be granted, with its limits. `errnos` and `perform` limit the answers of handlers. */
export const grantLimits: ReadonlyMap<string, LimitKinds> = new Map<string, LimitKinds>([
  ...capabilities
    .filter(({ name }) => needsGrant(name))
    .map(({ name }) => [name, limitsOf(name)] as const),
  ['errnos', { names: 'errnos' }],
  ['perform', { syscalls: 'families' }],
]);

/** The functions of an interface by their names in WIT. What cannot fail is never refused. */
export function operationsOf(capability: string): readonly string[] {
  return [...(capabilities.find(({ name }) => name === capability)?.functions.keys() ?? [])];
}

/** Whether the word is an interface that a component may import. */
export function isInterface(capability: string): boolean {
  return operationsOf(capability).length > 0;
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
  filesystems: { pattern: /^[\w.-]{1,64}$/u, what: 'type of file systems' },
  nodes: { pattern: /^[bc] \d{1,7}:\d{1,7}$/u, what: 'device such as "c 1:3"' },
};

/** Most keys that a grant of `state` may speak of. */
export const maxKeys: number = maxStateKeys;
/** Most words that a limit may list: all handlers of a bundle are told of them. */
export const maxWords = 256;
/** Most folders, and most bytes of all of them: helpers are told of them. */
export const maxFolders = 32;
export const maxFolderBytes = 8192;

/** The capabilities that somebody has to grant. */
export const grantable: readonly string[] = [...grantLimits.keys()].filter((name) =>
  isInterface(name),
);

/** The words that such a limit may list; undefined: texts of a form. */
export function wordsOf(kind: LimitKind, capability: string): readonly string[] | undefined {
  switch (kind) {
    case 'operations':
      return operationsOf(capability);
    case 'errnos':
      return errnos.map(([name]) => name);
    case 'families':
      return families().filter((family) => canPerform(family));
    case 'paths':
    case 'filesystems':
    case 'nodes':
    case 'count':
      return undefined;
  }
}
