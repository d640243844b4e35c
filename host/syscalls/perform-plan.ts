// SPDX-License-Identifier: Apache-2.0
// Which calls the host can do as they were decoded, with no more power than the caller has, and how.
import { operation } from '../native.ts';
import { at } from './syscall-table.ts';

/** What an operation takes; see `operationNumber` of native.ts. */
export type OperationPart =
  | 'path'
  | 'second-path'
  | 'name'
  | 'value'
  | 'mode'
  | 'first'
  | 'second'
  | 'device'
  | 'at-flags'
  | 'xattr-flags'
  | 'own-flags'
  | 'open-flags'
  | 'resolve';

/** What the call returns. */
export type PerformedResult = 'zero' | 'descriptor' | 'bytes';

export interface PerformPlan {
  readonly operation: number;
  /** Parameters of the family, and what they are for the operation. */
  readonly parts: readonly (readonly [parameter: string, part: OperationPart])[];
  readonly result: PerformedResult;
  /** The call acts on the file itself that a descriptor stands for. */
  readonly isOfDescriptor?: true;
}

const path = ['path', 'path'] as const;
const newPath = ['new-path', 'second-path'] as const;
const mode = ['mode', 'mode'] as const;
const uid = ['uid', 'first'] as const;
const gid = ['gid', 'second'] as const;
const atFlags = ['at-flags', 'at-flags'] as const;
const flags = ['flags', 'at-flags'] as const;
const name = ['name', 'name'] as const;

/** By family. What takes Linux capabilities that are lent, such as mounts, is not among them. */
const plans: ReadonlyMap<string, PerformPlan> = new Map<string, PerformPlan>([
  ['mkdir', { operation: operation.mkdir, parts: [path, mode], result: 'zero' }],
  [
    'mknod',
    { operation: operation.mknod, parts: [path, mode, ['device', 'device']], result: 'zero' },
  ],
  [
    'open',
    {
      operation: operation.open,
      parts: [path, ['flags', 'open-flags'], mode, ['resolve', 'resolve']],
      result: 'descriptor',
    },
  ],
  ['chmod', { operation: operation.chmod, parts: [path, mode, flags], result: 'zero' }],
  ['fchmod', { operation: operation.chmod, parts: [mode], result: 'zero', isOfDescriptor: true }],
  ['chown', { operation: operation.chown, parts: [path, uid, gid, flags], result: 'zero' }],
  [
    'fchown',
    { operation: operation.chown, parts: [uid, gid], result: 'zero', isOfDescriptor: true },
  ],
  [
    'rename',
    {
      operation: operation.rename,
      parts: [path, newPath, ['flags', 'own-flags']],
      result: 'zero',
    },
  ],
  ['link', { operation: operation.link, parts: [path, newPath, flags], result: 'zero' }],
  [
    'symlink',
    { operation: operation.symlink, parts: [['target', 'second-path'], path], result: 'zero' },
  ],
  ['unlink', { operation: operation.unlink, parts: [path, flags], result: 'zero' }],
  [
    'setxattr',
    {
      operation: operation.setXattr,
      parts: [path, atFlags, name, ['value', 'value'], ['flags', 'xattr-flags']],
      result: 'zero',
    },
  ],
  ['getxattr', { operation: operation.getXattr, parts: [path, atFlags, name], result: 'bytes' }],
  ['listxattr', { operation: operation.listXattr, parts: [path, atFlags], result: 'bytes' }],
  [
    'removexattr',
    { operation: operation.removeXattr, parts: [path, atFlags, name], result: 'zero' },
  ],
]);

export function canPerform(family: string): boolean {
  return plans.has(family);
}

export function performPlan(family: string): PerformPlan | undefined {
  return plans.get(family);
}

/** The AT_* that an operation knows; with others the kernel refuses the call. */
const knownAtFlags: ReadonlyMap<number, number> = new Map([
  [operation.chmod, at.symlinkNofollow | at.emptyPath],
  [operation.chown, at.symlinkNofollow | at.emptyPath],
  [operation.link, at.symlinkFollow | at.emptyPath],
  [operation.unlink, at.removeDirectory],
  [operation.stat, at.symlinkNofollow | at.noAutomount | at.emptyPath],
  [operation.getXattr, at.symlinkNofollow | at.emptyPath],
  [operation.setXattr, at.symlinkNofollow | at.emptyPath],
  [operation.listXattr, at.symlinkNofollow | at.emptyPath],
  [operation.removeXattr, at.symlinkNofollow | at.emptyPath],
]);

export function hasUnknownAtFlags(which: number, given: number): boolean {
  return (given & ~(knownAtFlags.get(which) ?? 0)) !== 0;
}
