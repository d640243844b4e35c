// SPDX-License-Identifier: Apache-2.0
// Memory behind the pointers of a call for handlers: by their kinds in the table.
import { arches, inbox } from '../native.ts';
import { xattrRoomPlace } from '../syscalls/kinds/xattr-room.ts';
import type { ReceivedCall } from './received-call.ts';
import type { Syscall } from '../syscalls/syscalls.ts';

export type ArgumentMemory =
  /** No pointer, or one that is never followed. */
  | { readonly kind: 'none' }
  /** It could not be followed. */
  | { readonly kind: 'fault'; readonly length: number }
  /** Bytes of the snapshot: from there on in the inbox. */
  | { readonly kind: 'snapshot'; readonly start: number; readonly size: bigint }
  /** The caller's own memory; `isResult`: it may be written. */
  | {
      readonly kind: 'memory';
      readonly address: bigint;
      readonly size: bigint;
      readonly isResult: boolean;
    };

type Sizes = Readonly<Record<(typeof arches)[number], bigint>>;

const statSizes: Sizes = { x86_64: 144n, i386: 64n, x32: 144n, arm64: 128n };

/** Of a call that no other architecture has. */
function ofI386(size: bigint): Sizes {
  return { x86_64: 0n, i386: size, x32: 0n, arm64: 0n };
}

/** Of results whose size the kernel knows: by the syscall, for each of `arches`. */
const resultSizes: ReadonlyMap<string, Sizes> = new Map([
  ['sysinfo', { x86_64: 112n, i386: 64n, x32: 112n, arm64: 112n }],
  ...['stat', 'lstat', 'fstat', 'newfstatat'].map((name) => [name, statSizes] as const),
  ...['stat64', 'lstat64', 'fstat64', 'fstatat64'].map((name) => [name, ofI386(96n)] as const),
  ...['oldstat', 'oldlstat', 'oldfstat'].map((name) => [name, ofI386(32n)] as const),
  ['statx', { x86_64: 256n, i386: 256n, x32: 256n, arm64: 256n }],
]);
/** More is not decoded behind one pointer. */
const maxData = 65_536n;
const low32 = 0xffff_ffffn;

const none: ArgumentMemory = { kind: 'none' };
const nullPointer: ArgumentMemory = { kind: 'fault', length: inbox.null };

function memoryAt(address: bigint, size: bigint, isResult: boolean): ArgumentMemory {
  return address === 0n ? nullPointer : { kind: 'memory', address, size, isResult };
}

function snapshot(call: ReceivedCall, index: number, skip: number): ArgumentMemory {
  const length = call.pointerLength(index);
  if (length < 0) return { kind: 'fault', length };
  const start = call.pointerOffset(index) + skip;
  return { kind: 'snapshot', start, size: BigInt(length - skip) };
}

/** The room for the value that getxattrat(2) asks for. */
function xattrResult(call: ReceivedCall, index: number): ArgumentMemory {
  const length = call.pointerLength(index);
  if (length < 0) return { kind: 'fault', length };
  const size = BigInt(call.field(index, xattrRoomPlace.size));
  return memoryAt(call.wideField(index, xattrRoomPlace.address), size, true);
}

function roomSize(call: ReceivedCall, { arguments: own }: Syscall, index: number): bigint {
  const kind = own[index]?.kind;
  return kind?.type === 'number' ? call.argument(index, kind.form) : 0n;
}

/** Memory behind an argument of the current call. */
export function argumentMemory(
  call: ReceivedCall,
  syscall: Syscall,
  index: number,
): ArgumentMemory {
  const argument = syscall.arguments[index];
  const arch = arches[call.arch];
  if (argument === undefined || arch === undefined) return none;
  const mask = arch === 'i386' ? low32 : BigInt.asUintN(64, -1n);
  const address = call.register(index) & mask;
  const { kind } = argument;
  if (kind.type === 'number') return none;
  switch (kind.memory) {
    case 'none':
    case 'strings':
      return none;
    case 'snapshot':
      return snapshot(call, index, kind.skip ?? 0);
    case 'room-of-struct':
      return xattrResult(call, index);
    case 'result':
      return memoryAt(address, resultSizes.get(syscall.name)?.[arch] ?? 0n, true);
    case 'room':
      return memoryAt(address, roomSize(call, syscall, index + 1) & mask, true);
    case 'data':
      return memoryAt(address, maxData, false);
  }
}

export interface ArgumentStrings {
  readonly address: bigint;
  /** Of each pointer. */
  readonly pointerBits: 32 | 64;
}

/** A list of strings that an argument of the current call leads to; undefined: it is no such list. */
export function argumentStrings(
  call: ReceivedCall,
  syscall: Syscall,
  index: number,
): ArgumentStrings | undefined {
  const kind = syscall.arguments[index]?.kind;
  const arch = arches[call.arch];
  if (kind?.type !== 'pointer' || kind.memory !== 'strings' || arch === undefined) return undefined;
  const register = call.register(index);
  return {
    address: arch === 'i386' ? register & low32 : register,
    // execve(2) of x32 takes them as i386 does
    pointerBits: arch === 'i386' || arch === 'x32' ? 32 : 64,
  };
}
