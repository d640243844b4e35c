// SPDX-License-Identifier: Apache-2.0
// The one table of the families that handlers answer: the parameters of each export, and how the host
// performs a call with no more power than the caller has.
import { operation } from '../native.ts';
import { deviceParameter } from './kinds/device.ts';
import { fdParameter } from './kinds/fd.ts';
import { s64Parameter } from './kinds/file-length.ts';
import type { ParameterKind } from './kinds/kind.ts';
import { optionalBytesParameter } from './kinds/mount-data.ts';
import { mountOperationParameter } from './kinds/mount-operation.ts';
import { newTimesParameter } from './kinds/new-times.ts';
import { pathParameter } from './kinds/path.ts';
import { optionalPathParameter, pathOrDescriptorParameter } from './kinds/source.ts';
import { u32Parameter } from './kinds/uint.ts';
import { u64Parameter } from './kinds/ulong.ts';
import { bytesParameter } from './kinds/xattr-value.ts';

/** Arguments of an operation; see `operationNumber` of native.ts. */
export type OperationPart =
  | 'path'
  | 'second-path'
  | 'name'
  | 'value'
  | 'mode'
  | 'first'
  | 'second'
  | 'device'
  | 'length'
  | 'at-flags'
  | 'xattr-flags'
  | 'own-flags'
  | 'open-flags'
  | 'resolve';

/**
 * A parameter of a family's export. A call that lacks it has 0, nothing, or an empty path: that of the
 * file itself whose descriptor it names.
 */
export interface FamilyParameter {
  /** The parameter's name in the handler's export: kebab-case, a valid WIT label. */
  readonly name: string;
  readonly kind: ParameterKind;
  /** Its role in the operation that performs the call; absent: none. */
  readonly part?: OperationPart;
}

/** The return value of the call. */
export type PerformedResult = 'zero' | 'descriptor' | 'bytes';

export interface PerformPlan {
  readonly operation: number;
  readonly result: PerformedResult;
  /** The AT_* that the operation knows; with others the kernel refuses the call. */
  readonly atFlags: number;
  /** The call acts on the file itself that a descriptor stands for. */
  readonly isOfDescriptor?: true;
  /** The kernel does calls of a descriptor: its open file says what may be done by it. */
  readonly continuesOfDescriptor?: true;
}

interface Family {
  readonly parameters: readonly FamilyParameter[];
  /** Absent for what takes Linux capabilities that are lent, such as mounts. */
  readonly performed?: PerformPlan;
  /** The reason why it is absent, for authors of handlers. */
  readonly kernelOnly?: string;
}

/** Numbers of <fcntl.h> that are the same everywhere. */
export const at = {
  symlinkNofollow: 0x100,
  removeDirectory: 0x200,
  noAutomount: 0x800,
  symlinkFollow: 0x400,
  emptyPath: 0x1000,
} as const;

const pathOfFile = at.symlinkNofollow | at.emptyPath;

const path: FamilyParameter = { name: 'path', kind: pathParameter, part: 'path' };
const newPath: FamilyParameter = { name: 'new-path', kind: pathParameter, part: 'second-path' };
const target: FamilyParameter = { name: 'target', kind: pathParameter };
const attribute: FamilyParameter = { name: 'name', kind: pathParameter, part: 'name' };
const mode: FamilyParameter = { name: 'mode', kind: u32Parameter, part: 'mode' };
const atFlags: FamilyParameter = { name: 'at-flags', kind: u32Parameter, part: 'at-flags' };
const uid: FamilyParameter = { name: 'uid', kind: u32Parameter, part: 'first' };
const gid: FamilyParameter = { name: 'gid', kind: u32Parameter, part: 'second' };
const fd: FamilyParameter = { name: 'fd', kind: fdParameter };
const size: FamilyParameter = { name: 'size', kind: u64Parameter };

function flags(part?: OperationPart, kind: ParameterKind = u32Parameter): FamilyParameter {
  return { name: 'flags', kind, ...(part === undefined ? {} : { part }) };
}

function performed(
  which: number,
  rest: Partial<Omit<PerformPlan, 'operation'>> = {},
): Pick<Family, 'performed'> {
  return { performed: { operation: which, result: 'zero', atFlags: 0, ...rest } };
}

/** The caller's memory gets the result, in a layout of its architecture. */
const resultInMemory = 'its result is written into memory by the kernel alone';
const ofProcess = 'only the kernel can change what a process has for its own';

const familyTable: ReadonlyMap<string, Family> = new Map<string, Family>([
  ['mkdir', { parameters: [path, mode], ...performed(operation.mkdir) }],
  [
    'mknod',
    {
      parameters: [path, mode, { name: 'device', kind: deviceParameter, part: 'device' }],
      ...performed(operation.mknod),
    },
  ],
  [
    'open',
    {
      parameters: [
        path,
        flags('open-flags', u64Parameter),
        mode,
        { name: 'resolve', kind: u64Parameter, part: 'resolve' },
      ],
      ...performed(operation.open, { result: 'descriptor' }),
    },
  ],
  [
    'chmod',
    {
      parameters: [path, mode, flags('at-flags')],
      ...performed(operation.chmod, { atFlags: pathOfFile }),
    },
  ],
  [
    'fchmod',
    {
      parameters: [fd, mode],
      ...performed(operation.chmod, { atFlags: pathOfFile, isOfDescriptor: true }),
    },
  ],
  [
    'chown',
    {
      parameters: [path, uid, gid, flags('at-flags')],
      ...performed(operation.chown, { atFlags: pathOfFile }),
    },
  ],
  [
    'fchown',
    {
      parameters: [fd, uid, gid],
      ...performed(operation.chown, { atFlags: pathOfFile, isOfDescriptor: true }),
    },
  ],
  [
    'truncate',
    {
      parameters: [path, { name: 'length', kind: s64Parameter, part: 'length' }, flags()],
      ...performed(operation.truncate, { continuesOfDescriptor: true }),
    },
  ],
  [
    'utimens',
    {
      parameters: [
        { name: 'path', kind: pathOrDescriptorParameter, part: 'path' },
        { name: 'times', kind: newTimesParameter, part: 'value' },
        flags('at-flags'),
      ],
      ...performed(operation.setTimes, { atFlags: pathOfFile }),
    },
  ],
  ['rename', { parameters: [path, newPath, flags('own-flags')], ...performed(operation.rename) }],
  [
    'link',
    {
      parameters: [path, newPath, flags('at-flags')],
      ...performed(operation.link, { atFlags: at.symlinkFollow | at.emptyPath }),
    },
  ],
  [
    'symlink',
    { parameters: [{ ...target, part: 'second-path' }, path], ...performed(operation.symlink) },
  ],
  [
    'unlink',
    {
      parameters: [path, flags('at-flags')],
      ...performed(operation.unlink, { atFlags: at.removeDirectory }),
    },
  ],
  [
    'setxattr',
    {
      parameters: [
        path,
        atFlags,
        attribute,
        { name: 'value', kind: bytesParameter, part: 'value' },
        flags('xattr-flags'),
      ],
      ...performed(operation.setXattr, { atFlags: pathOfFile }),
    },
  ],
  [
    'getxattr',
    {
      parameters: [path, atFlags, attribute, size],
      ...performed(operation.getXattr, { atFlags: pathOfFile, result: 'bytes' }),
    },
  ],
  [
    'listxattr',
    {
      parameters: [path, atFlags, size],
      ...performed(operation.listXattr, { atFlags: pathOfFile, result: 'bytes' }),
    },
  ],
  [
    'removexattr',
    {
      parameters: [path, atFlags, attribute],
      ...performed(operation.removeXattr, { atFlags: pathOfFile }),
    },
  ],
  [
    'mount',
    {
      parameters: [
        { name: 'source', kind: optionalPathParameter },
        target,
        { name: 'filesystem-type', kind: optionalPathParameter },
        { name: 'mount-flags', kind: u64Parameter },
        { name: 'data', kind: optionalBytesParameter },
      ],
    },
  ],
  ['umount', { parameters: [target, flags()] }],
  [
    'mountapi',
    {
      parameters: [
        { name: 'operation', kind: mountOperationParameter },
        { name: 'path', kind: optionalPathParameter },
        { name: 'new-path', kind: optionalPathParameter },
        flags(),
      ],
    },
  ],
  [
    'stat',
    {
      parameters: [{ name: 'path', kind: pathOrDescriptorParameter }, flags()],
      kernelOnly: resultInMemory,
    },
  ],
  [
    'access',
    {
      parameters: [
        { name: 'path', kind: pathParameter },
        { name: 'mode', kind: u32Parameter },
        flags(),
      ],
      kernelOnly: 'only the kernel asks with the real ids of a process',
    },
  ],
  [
    'readlink',
    {
      parameters: [
        { name: 'path', kind: pathParameter },
        { name: 'size', kind: u32Parameter },
      ],
      kernelOnly: resultInMemory,
    },
  ],
  [
    'chdir',
    {
      parameters: [{ name: 'path', kind: pathOrDescriptorParameter }],
      kernelOnly: ofProcess,
    },
  ],
  ['chroot', { parameters: [{ name: 'path', kind: pathParameter }], kernelOnly: ofProcess }],
  ['sysinfo', { parameters: [] }],
  ['execve', { parameters: [path, flags()] }],
  ['swapon', { parameters: [path, flags()] }],
  ['swapoff', { parameters: [path] }],
]);

/** The parameters of a family's export, in their order; none for a call that is not decoded. */
export function familyParameters(family: string): readonly FamilyParameter[] {
  return familyTable.get(family)?.parameters ?? [];
}

export function canPerform(family: string): boolean {
  return performPlan(family) !== undefined;
}

/** The reason that the table has, such as ` (…)`; empty: none. */
export function whyNotPerformed(family: string): string {
  const reason = familyTable.get(family)?.kernelOnly;
  return reason === undefined ? '' : ` (${reason}: answer fail or continue)`;
}

export function performPlan(family: string): PerformPlan | undefined {
  return familyTable.get(family)?.performed;
}

/** Of operations that handlers ask for; stat performs no call. */
const knownAtFlags: ReadonlyMap<number, number> = new Map([
  [operation.stat, at.symlinkNofollow | at.noAutomount | at.emptyPath],
  ...[...familyTable.values()].flatMap(({ performed: plan }) =>
    plan === undefined ? [] : [[plan.operation, plan.atFlags] as const],
  ),
]);

export function hasUnknownAtFlags(which: number, given: number): boolean {
  return (given & ~(knownAtFlags.get(which) ?? 0)) !== 0;
}
