// SPDX-License-Identifier: Apache-2.0
// What can be granted, and how far: the tables that manifests and configurations are read by.
import { capabilities } from '../handler/capabilities/offered.ts';
import { errnos } from '../syscalls/errno.ts';
import { canPerform } from '../syscalls/family-table.ts';
import { mostStateKeys } from '../registry/grants.ts';
import { families } from '../syscalls/syscall-table.ts';

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
 * Everything that can be granted, with its limits. `errnos` and `perform` are no interfaces: they
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

/** How many keys a grant of `state` may speak of. */
export const mostKeys: number = mostStateKeys;
/** How many words a limit may list: all handlers of a bundle are told of them. */
export const mostWords = 256;
/** How many folders, and how many bytes together: helpers are told of them. */
export const mostFolders = 32;
export const mostFolderBytes = 8192;

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
