// SPDX-License-Identifier: Apache-2.0
// What a path of a call means: a name in a folder, the file that it leads to, or what an open takes or
// makes. The family says it, and the flags of the call.
import { operation } from '../native.ts';
import { at } from '../syscalls/family-table.ts';
import type { Syscall } from '../syscalls/syscalls.ts';
import { parameterNumber } from './parameter-number.ts';
import type { ReceivedCall } from './received-call.ts';

export interface PathMeaning {
  /** One of `operation`: locateName, locateFile, locateOpened. */
  readonly lookUp: number;
  /** AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH; of an open O_*. */
  readonly flags: number;
  /** RESOLVE_*. */
  readonly resolve: bigint;
}

/** Families whose calls are about the name itself, also where it is a symbolic link. */
const ofNames: ReadonlySet<string> = new Set(['mkdir', 'mknod', 'rename', 'symlink', 'unlink']);
/** O_PATH, and what counts beside it: O_DIRECTORY, O_NOFOLLOW. */
const open = { path: 0x20_0000, ofPath: 0x20_0000 | 0x1_0000 | 0x2_0000 } as const;
/** UMOUNT_NOFOLLOW of umount2(2). */
const unmountNoFollow = 8;

const name: PathMeaning = { lookUp: operation.locateName, flags: 0, resolve: 0n };

function numberOf(call: ReceivedCall, { parameters }: Syscall, wanted: string): bigint {
  const parameter = parameters.find((each) => each.name === wanted);
  return parameter === undefined ? 0n : parameterNumber(call, parameter);
}

function flagsOf(call: ReceivedCall, syscall: Syscall): number {
  const flags = numberOf(call, syscall, 'flags') | numberOf(call, syscall, 'at-flags');
  return Number(BigInt.asIntN(32, flags));
}

function isFollowed({ family }: Syscall, flags: number): boolean {
  switch (family) {
    case 'link':
      return (flags & at.symlinkFollow) !== 0;
    case 'umount':
      return (flags & unmountNoFollow) === 0;
    case 'readlink':
      return false;
    // without flags of this kind
    case 'swapon':
    case 'truncate':
      return true;
    default:
      return (flags & at.symlinkNofollow) === 0;
  }
}

/** Of what the descriptor of the call stands for, or the path; an empty one as the call has it. */
function file(call: ReceivedCall, syscall: Syscall): PathMeaning {
  const flags = flagsOf(call, syscall);
  const isEmptyAllowed = call.isOfDescriptor(syscall) || (flags & at.emptyPath) !== 0;
  return {
    lookUp: operation.locateFile,
    flags:
      (isFollowed(syscall, flags) ? 0 : at.symlinkNofollow) | (isEmptyAllowed ? at.emptyPath : 0),
    resolve: 0n,
  };
}

/** @param isSecond of the call's new path */
export function pathMeaning(call: ReceivedCall, syscall: Syscall, isSecond: boolean): PathMeaning {
  const { family } = syscall;
  if (isSecond || ofNames.has(family)) return name;
  if (family !== 'open') return file(call, syscall);
  const flags = flagsOf(call, syscall);
  return {
    lookUp: operation.locateOpened,
    flags: (flags & open.path) === 0 ? flags : flags & open.ofPath,
    resolve: numberOf(call, syscall, 'resolve'),
  };
}
