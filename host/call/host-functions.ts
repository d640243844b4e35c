// SPDX-License-Identifier: Apache-2.0
// Table of the functions that handlers call: what each takes and gives, which limits of a grant apply
// to it, how observers and recordings name it.
import { operation, processLayout, resourceNumbers, statNumbers } from '../native.ts';

/** Work of the host; recordings name it so. `facts` are in no recording. */
export type HostKind =
  | 'capability'
  | 'clock'
  | 'credentials'
  | 'facts'
  | 'freeze'
  | 'install'
  | 'kill'
  | 'log'
  | 'mount'
  | 'operate'
  | 'process'
  | 'read'
  | 'replace'
  | 'resources'
  | 'size'
  | 'state-add'
  | 'state-get'
  | 'state-remove'
  | 'state-set'
  | 'strings'
  | 'take'
  | 'write';

export type LimitName = 'operations' | 'paths' | 'filesystems' | 'nodes' | 'keys';

/** Effects that observers are notified of. */
export type HostAct =
  | 'mount'
  | 'operate'
  | 'take-descriptor'
  | 'give-descriptor'
  | 'write-memory'
  | 'kill-container'
  | 'freeze-container';

/** Fields of a request that recordings have under the same name. */
export type RequestField =
  | 'fd'
  | 'descriptor'
  | 'isCloseOnExec'
  | 'argument'
  | 'offset'
  | 'bytes'
  | 'max'
  | 'capability'
  | 'where'
  | 'key'
  | 'value'
  | 'amount'
  | 'level'
  | 'message';

/** Fields of a recorded mount or operation, and values that are made of several. */
export type RecordedField =
  | 'source'
  | 'target'
  | 'type'
  | 'data'
  | 'path'
  | 'secondPath'
  | 'name'
  | 'flags'
  | 'mode'
  | 'first'
  | 'second'
  | 'at-flags'
  | 'xattr-flags'
  | 'device'
  | 'resolve'
  | 'set'
  | 'clear'
  | 'is-recursive'
  | 'idmap';

export type OperationName = keyof typeof operation;

/**
 * The number that a function returns. `errno`: 0, a positive errno or `gone`; `value`: a value or a
 * negated errno; `found`: 1 or 0; `certain`: 0, it cannot fail.
 */
export type ReplyForm = 'errno' | 'value' | 'found' | 'certain';

export interface HostFunction {
  /** The interface. */
  readonly capability: string;
  /** Its name in WIT. */
  readonly name: string;
  /** Its place in the table. */
  readonly index: number;
  readonly kind: HostKind;
  /** Of `operate`. */
  readonly operation: OperationName | undefined;
  /** Its number in the addon; 0: it is none. */
  readonly operationCode: number;
  /** With a Linux capability that the addon lends. */
  readonly isLent: boolean;
  /** Parameters by their names in WIT. */
  readonly takes: Readonly<Record<string, RequestField | RecordedField>>;
  /** Fields that all its recorded calls have; they tell functions of one kind apart. */
  readonly when: Readonly<Record<string, string | boolean | null>>;
  readonly reply: ReplyForm;
  /** Output beside the reply: bytes, a descriptor, a number of 64 bits. */
  readonly gives: 'nothing' | 'bytes' | 'descriptor' | 'wide';
  /** Of the bytes, where there are always as many. */
  readonly size: number | undefined;
  readonly needsGrant: boolean;
  readonly limits: readonly LimitName[];
  readonly act: HostAct | undefined;
  /** The field of a recorded call that recordings redact. */
  readonly secret: string | undefined;
  /** Recordings redact the bytes it gives. */
  readonly isAnswerSecret: boolean;
}

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
    file('stat', 'stat', atPath, { ...within, ...statBytes }),
    file('read-link', 'readLink', plainPath, { ...within, ...givesBytes }),
    file('get-xattr', 'getXattr', attribute, { ...within, ...secretBytes }),
    file('set-xattr', 'setXattr', attributeValue, { ...within, ...secretValue }),
    file('list-xattr', 'listXattr', atPath, { ...within, ...givesBytes }),
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
