// SPDX-License-Identifier: Apache-2.0
// Table of the functions that handlers call: what each takes and gives, which limits of a grant apply
// to it, how observers and recordings name it.
import { operation, processLayout, resourceNumbers, statNumbers } from '../native.ts';
import type { HostFunction, OperationName } from './host-function.ts';

export type * from './host-function.ts';

type Row = Pick<HostFunction, 'kind'> &
  Partial<Omit<HostFunction, 'capability' | 'name' | 'index' | 'operationCode'>>;

/** The row of an operation on files, by its name in WIT. */
function file(
  name: string,
  done: OperationName,
  takes: HostFunction['takes'],
  rest: Partial<Row> = {},
): readonly [name: string, row: Row] {
  return [name, { kind: 'operate', operation: done, takes, act: 'operate', ...rest }];
}

const operations = ['operations'] as const;
const within = { limits: ['operations', 'paths'] } as const;
const lent = { isLent: true } as const;
const givesBytes = { gives: 'bytes' } as const;
const statBytes = { ...givesBytes, size: statNumbers.length * 8 } as const;
const secretValue = { secret: 'value' } as const;
const secretBytes = { ...givesBytes, isAnswerSecret: true } as const;
const lentBytes = { ...lent, ...givesBytes, limits: operations } as const;
const withinBytes = { ...within, ...givesBytes } as const;
const plainPath = { path: 'path' } as const;
const atPath = { path: 'path', 'at-flags': 'flags' } as const;
const attribute = { path: 'path', 'at-flags': 'at-flags', name: 'name' } as const;
const attributeValue = { ...attribute, value: 'value', 'xattr-flags': 'xattr-flags' } as const;
const twoPaths = { path: 'path', 'new-path': 'secondPath' } as const;
const anArgument = { argument: 'argument' } as const;
const aPart = { ...anArgument, offset: 'offset', length: 'max' } as const;
const mode = { path: 'path', mode: 'mode' } as const;

const facts: Row = { kind: 'facts', reply: 'certain' };
const clock = { kind: 'clock', reply: 'certain', gives: 'wide' } as const;
const freeze = { kind: 'freeze', limits: operations, act: 'freeze-container' } as const;

/** By interface. Of functions that recordings cannot tell apart the first is shown. */
const rows: Readonly<Record<string, readonly (readonly [name: string, row: Row])[]>> = {
  arguments: [['all', facts]],
  caller: [
    ['get-process', { kind: 'process', gives: 'bytes', size: processLayout.size }],
    ['get-credentials', { kind: 'credentials', gives: 'bytes' }],
    ['comm', { kind: 'credentials', gives: 'bytes' }],
    [
      'has-capability',
      { kind: 'capability', takes: { capability: 'capability', where: 'where' }, reply: 'value' },
    ],
  ],
  clock: [
    ['monotonic', { ...clock, when: { clock: 'monotonic' } }],
    ['wall', { ...clock, when: { clock: 'wall' } }],
  ],
  container: [
    ['id', facts],
    ['annotations', facts],
    [
      'get-resources',
      { kind: 'resources', ...givesBytes, size: resourceNumbers.length * 8, limits: operations },
    ],
    ['kill', { kind: 'kill', limits: operations, act: 'kill-container' }],
    ['freeze', { ...freeze, when: { isFrozen: true } }],
    ['thaw', { ...freeze, when: { isFrozen: false } }],
  ],
  descriptors: [
    [
      'take',
      {
        kind: 'take',
        takes: { fd: 'fd' },
        reply: 'value',
        limits: operations,
        act: 'take-descriptor',
      },
    ],
    [
      'install',
      {
        kind: 'install',
        takes: { descriptor: 'descriptor', 'close-on-exec': 'isCloseOnExec' },
        reply: 'value',
        limits: operations,
        act: 'give-descriptor',
      },
    ],
    [
      'replace',
      {
        kind: 'replace',
        takes: { descriptor: 'descriptor', fd: 'fd', 'close-on-exec': 'isCloseOnExec' },
        reply: 'value',
        limits: operations,
        act: 'give-descriptor',
      },
    ],
    file(
      'stat',
      'stat',
      { descriptor: 'descriptor' },
      { ...statBytes, limits: operations, when: { path: null } },
    ),
  ],
  devices: [file('make', 'mknod', { ...mode, device: 'device' }, { ...lent, limits: ['nodes'] })],
  filesystem: [
    file('mkdir', 'mkdir', mode, within),
    file('mknod', 'mknod', { ...mode, device: 'device' }, within),
    file(
      'open',
      'open',
      { path: 'path', 'open-flags': 'flags', mode: 'mode', resolve: 'resolve' },
      { ...within, gives: 'descriptor' },
    ),
    file('chmod', 'chmod', { ...mode, 'at-flags': 'flags' }, within),
    file(
      'chown',
      'chown',
      { path: 'path', uid: 'first', gid: 'second', 'at-flags': 'flags' },
      within,
    ),
    file('rename', 'rename', { ...twoPaths, 'rename-flags': 'flags' }, within),
    file('link', 'link', { ...twoPaths, 'at-flags': 'flags' }, within),
    file('symlink', 'symlink', { target: 'secondPath', path: 'path' }, within),
    file('unlink', 'unlink', atPath, within),
    // what is looked up is decided by the call; recordings tell them apart so
    file('resolve', 'locateOpened', plainPath, withinBytes),
    file('resolve-new', 'locateName', plainPath, withinBytes),
    file('is-below', 'locateFile', { folder: 'path' }, { ...lentBytes, when: { second: 0 } }),
    file('is-above', 'locateFile', { folder: 'path' }, { ...lentBytes, when: { second: 1 } }),
    file('stat', 'stat', atPath, { ...within, ...statBytes }),
    file('read-link', 'readLink', plainPath, withinBytes),
    file('get-xattr', 'getXattr', attribute, { ...within, ...secretBytes }),
    file('set-xattr', 'setXattr', attributeValue, { ...within, ...secretValue }),
    file('list-xattr', 'listXattr', atPath, withinBytes),
    file('remove-xattr', 'removeXattr', attribute, within),
  ],
  log: [['log', { kind: 'log', takes: { level: 'level', message: 'message' }, reply: 'certain' }]],
  memory: [
    ['size', { kind: 'size', takes: anArgument, reply: 'certain', gives: 'wide' }],
    ['read', { kind: 'read', takes: aPart, reply: 'value', ...secretBytes, limits: operations }],
    ['read-strings', { kind: 'strings', takes: anArgument, ...secretBytes, limits: operations }],
    [
      'write',
      {
        kind: 'write',
        takes: { argument: 'argument', offset: 'offset', bytes: 'bytes' },
        limits: operations,
        act: 'write-memory',
        secret: 'bytes',
      },
    ],
  ],
  mounts: [
    [
      'mount',
      {
        kind: 'mount',
        takes: {
          source: 'source',
          target: 'target',
          'filesystem-type': 'type',
          'mount-flags': 'flags',
          data: 'data',
        },
        limits: ['filesystems', 'operations'],
        act: 'mount',
        secret: 'data',
      },
    ],
    file(
      'unmount',
      'unmount',
      { target: 'path', 'unmount-flags': 'flags' },
      { limits: operations, when: { value: null } },
    ),
    file(
      'unmount-sparing',
      'unmount',
      { target: 'path', 'unmount-flags': 'flags', spared: 'value' },
      { limits: operations },
    ),
    file(
      'set-attributes',
      'setMountAttributes',
      { path: 'path', 'is-recursive': 'is-recursive', set: 'set', clear: 'clear', idmap: 'idmap' },
      { limits: operations },
    ),
  ],
  overlay: [
    file('get-xattr', 'getXattr', attribute, { ...lent, ...secretBytes }),
    file('set-xattr', 'setXattr', attributeValue, { ...lent, ...secretValue }),
    file('list-xattr', 'listXattr', atPath, { ...lent, ...givesBytes }),
    file('remove-xattr', 'removeXattr', attribute, lent),
  ],
  state: [
    ['get', { kind: 'state-get', takes: { key: 'key' }, reply: 'found', ...secretBytes }],
    [
      'set',
      {
        kind: 'state-set',
        takes: { key: 'key', value: 'value' },
        limits: ['keys'],
        ...secretValue,
      },
    ],
    ['remove', { kind: 'state-remove', takes: { key: 'key' }, reply: 'found' }],
    [
      'add',
      {
        kind: 'state-add',
        takes: { key: 'key', amount: 'amount' },
        gives: 'wide',
        limits: ['keys'],
      },
    ],
  ],
};

/** Of the action `perform` alone: no handler asks for them. */
const performedRows: typeof rows = {
  perform: [file('truncate', 'truncate', {}), file('set-times', 'setTimes', {})],
};

/** Interfaces that every handler may import. */
const free = new Set(['arguments', 'clock', 'log']);

/** @returns whether importing the interface needs a grant */
export function needsGrant(capability: string): boolean {
  return !free.has(capability);
}

/** Of the calls in recordings. */
function discriminants({ operation: done, isLent = false, when = {} }: Row): HostFunction['when'] {
  return done === undefined ? when : { operation: done, isLent, ...when };
}

/** @param first index of the first one */
function functionsOf(table: typeof rows, first: number): readonly HostFunction[] {
  return Object.entries(table)
    .flatMap(([capability, own]) => own.map(([name, row]) => ({ capability, name, row })))
    .map(({ capability, name, row }, index) => ({
      capability,
      name,
      index: first + index,
      kind: row.kind,
      operation: row.operation,
      operationCode: row.operation === undefined ? 0 : operation[row.operation],
      isLent: row.isLent ?? false,
      takes: row.takes ?? {},
      when: discriminants(row),
      reply: row.reply ?? 'errno',
      gives: row.gives ?? 'nothing',
      size: row.size,
      needsGrant: needsGrant(capability),
      limits: row.limits ?? [],
      act: row.act,
      secret: row.secret,
      isAnswerSecret: row.isAnswerSecret ?? false,
    }));
}

export const hostFunctions: readonly HostFunction[] = functionsOf(rows, 0);

const performingFunctions: readonly HostFunction[] = [
  ...hostFunctions.filter(({ capability }) => capability === 'filesystem'),
  ...functionsOf(performedRows, hostFunctions.length),
];

/** @returns the function by which `perform` does an operation, with no more power than the caller has */
export function performingFunction(operationCode: number): HostFunction {
  const found = performingFunctions.find((each) => each.operationCode === operationCode);
  if (found === undefined) throw new RangeError(`there is no operation ${operationCode}`);
  return found;
}

const byName = new Map(hostFunctions.map((each) => [`${each.capability}.${each.name}`, each]));

/** @throws RangeError: the table has no such function */
export function hostFunction(capability: string, name: string): HostFunction {
  const found = byName.get(`${capability}.${name}`);
  if (found === undefined) throw new RangeError(`the host has no function ${capability}.${name}`);
  return found;
}
