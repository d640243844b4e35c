// SPDX-License-Identifier: Apache-2.0
// A call of a capability as a value: what was asked of the host, and what it gave back.
import { mountRange, operation, operationNumber, statNumbers } from '../native.ts';
import type { GuestLogLevel } from './call-host.ts';

/** What an operation was asked with; texts are what the handler's memory had at that moment. */
export interface Operated {
  readonly kind: 'operate';
  readonly operation: keyof typeof operation;
  readonly path: Uint8Array | null;
  readonly secondPath: Uint8Array | null;
  readonly name: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly flags: number;
  readonly mode: number;
  readonly first: number;
  readonly second: number;
  readonly low: number;
  readonly high: number;
  readonly descriptor: number;
  readonly isStrict: boolean;
  readonly isLent: boolean;
  /** The folders that nothing is done outside of; absent: there are none. */
  readonly within?: readonly string[];
}

export interface Mounted {
  readonly kind: 'mount';
  readonly source: Uint8Array | null;
  readonly target: Uint8Array | null;
  readonly type: Uint8Array | null;
  readonly flags: bigint;
  readonly data: Uint8Array | null;
}

/** What a handler asked of the host; bytes are what its memory had at that moment. */
export type HostCall =
  | Mounted
  | Operated
  | { readonly kind: 'take'; readonly fd: number }
  | { readonly kind: 'install'; readonly descriptor: number; readonly isCloseOnExec: boolean }
  | {
      readonly kind: 'replace';
      readonly descriptor: number;
      readonly fd: number;
      readonly isCloseOnExec: boolean;
    }
  | { readonly kind: 'size'; readonly argument: number }
  | {
      readonly kind: 'write';
      readonly argument: number;
      readonly offset: bigint;
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: 'read';
      readonly argument: number;
      readonly offset: bigint;
      readonly most: number;
    }
  | { readonly kind: 'credentials' }
  | { readonly kind: 'process' }
  | { readonly kind: 'capability'; readonly capability: number; readonly where: number }
  | { readonly kind: 'kill' }
  | { readonly kind: 'freeze'; readonly isFrozen: boolean }
  | { readonly kind: 'resources' }
  | { readonly kind: 'state-get'; readonly key: Uint8Array }
  | { readonly kind: 'state-set'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: 'state-remove'; readonly key: Uint8Array }
  | { readonly kind: 'state-add'; readonly key: Uint8Array; readonly amount: bigint }
  | { readonly kind: 'clock'; readonly clock: 'monotonic' | 'wall' }
  | { readonly kind: 'log'; readonly level: GuestLogLevel; readonly message: string };

/** What came of one. */
export interface HostAnswer {
  /** As the function of `CallHost` returns it; of state, whether there was something. */
  readonly answer: number;
  /** What it gave back. */
  readonly bytes?: Uint8Array;
  readonly descriptor?: number;
  /** A size, a time, or a sum. */
  readonly wide?: bigint;
  /** The call failed with it, and the handler with the call. */
  readonly failure?: string;
}

const isOperation = (name: string): name is keyof typeof operation => name in operation;

function operationName(which: number): keyof typeof operation {
  const name = Object.keys(operation)
    .filter((each) => isOperation(each))
    .find((each) => operation[each] === which);
  if (name === undefined) throw new RangeError(`there is no operation ${which}`);
  return name;
}

function textAt(memory: Uint8Array, numbers: Int32Array, at: number): Uint8Array | null {
  const length = numbers[at + 1] ?? -1;
  const offset = (numbers[at] ?? 0) >>> 0;
  return length < 0 ? null : memory.slice(offset, offset + length);
}

/** As `operate` takes them: each has a NUL behind it. */
function foldersOf(within: Uint8Array): readonly string[] {
  return new TextDecoder().decode(within).split('\0').slice(0, -1);
}

/** What `CallHost.mount` was given. */
export function mountCall(memory: Uint8Array, ranges: Int32Array): Mounted {
  const text = (at: number): Uint8Array | null => textAt(memory, ranges, at);
  const half = (at: number): bigint => BigInt.asUintN(32, BigInt(ranges[at] ?? 0));
  return {
    kind: 'mount',
    source: text(mountRange.source),
    target: text(mountRange.target),
    type: text(mountRange.type),
    flags: half(mountRange.flagsLow) | (half(mountRange.flagsHigh) << 32n),
    data: text(mountRange.data),
  };
}

/** What `CallHost.operate` was given. */
export function operateCall(
  which: number,
  memory: Uint8Array,
  numbers: Int32Array,
  within?: Uint8Array,
): Operated {
  const text = (at: number): Uint8Array | null => textAt(memory, numbers, at);
  const number = (at: number): number => (numbers[at] ?? 0) >>> 0;
  return {
    kind: 'operate',
    operation: operationName(which),
    path: text(operationNumber.path),
    secondPath: text(operationNumber.secondPath),
    name: text(operationNumber.name),
    value: text(operationNumber.value),
    flags: number(operationNumber.flags),
    mode: number(operationNumber.mode),
    first: number(operationNumber.first),
    second: number(operationNumber.second),
    low: number(operationNumber.low),
    high: number(operationNumber.high),
    descriptor: numbers[operationNumber.descriptor] ?? -1,
    isStrict: number(operationNumber.isStrict) === 1,
    isLent: numbers[operationNumber.isLent] === 1,
    ...(within === undefined ? {} : { within: foldersOf(within) }),
  };
}

/** What `CallHost.operate` gave back. */
export function operateAnswer(
  { operation: name }: Operated,
  answer: number,
  { numbers, result }: { readonly numbers: Int32Array; readonly result: Uint8Array },
): HostAnswer {
  if (answer !== 0) return { answer };
  switch (name) {
    case 'open':
      return { answer, descriptor: numbers[operationNumber.descriptor] ?? -1 };
    case 'stat':
      return { answer, bytes: result.slice(0, statNumbers.length * 8) };
    case 'getXattr':
    case 'listXattr':
    case 'readLink':
      return { answer, bytes: result.slice(0, numbers[operationNumber.resultLength]) };
    case 'mkdir':
    case 'mknod':
    case 'chmod':
    case 'chown':
    case 'rename':
    case 'link':
    case 'symlink':
    case 'unlink':
    case 'setXattr':
    case 'removeXattr':
    case 'unmount':
    case 'setMountAttributes':
      return { answer };
  }
}

/** Puts what an operation gives back where `CallHost.operate` has it. */
export function giveBack(
  { bytes, descriptor }: Pick<HostAnswer, 'bytes' | 'descriptor'>,
  numbers: Int32Array,
  result: Uint8Array,
): void {
  if (bytes !== undefined) result.set(bytes.subarray(0, result.length));
  numbers[operationNumber.resultLength] = bytes?.length ?? 0;
  numbers[operationNumber.descriptor] = descriptor ?? -1;
}
