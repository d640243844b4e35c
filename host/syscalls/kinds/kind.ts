// SPDX-License-Identifier: Apache-2.0
// The facts that each file of this folder states: about an argument of a system call, and about a
// parameter of a handler's export.
import { otherOpenFlags } from '../open-flags.ts';

/** Inputs of a test case's map, by their keys. */
export interface GivenFields {
  /** Absent: undefined. */
  plain(key: string): string | bigint | undefined;
  /** Absent: 0. */
  integer(key: string): bigint;
  /** Absent: none. */
  bytes(key: string): Uint8Array;
  /** Ends the reading of the file. */
  fail(key: string, what: string): never;
}

/** The part of a register that the kernel reads, by the C type of the argument. */
export interface NumberForm {
  readonly bits: 16 | 32 | 64;
  /** Negative numbers stay negative in more bits. */
  readonly isSigned?: true;
  /** The highest number says -1. */
  readonly hasUnset?: true;
  /** The upper half of the bits is in the next register. */
  readonly isPair?: true;
  /** Flags of open(2) as arm64 has them. */
  readonly isOfArm?: true;
}

interface AnyKind {
  /** Unique; for people and tests. */
  readonly name: string;
  /** The argument in a scaffold's test case, as YAML; absent: it is left out. */
  readonly sample?: string;
}

/** A number in a register. */
export interface NumberKind extends AnyKind {
  readonly type: 'number';
  readonly form: NumberForm;
  /** A descriptor: paths resolve against it (`base`), or the call acts on it (`object`). */
  readonly descriptor?: 'base' | 'object';
  /** The bits that a filter may test; absent: none. */
  readonly testableBits?: number;
  /** The argument that a test case leaves out; absent: 0. */
  readonly absent?: number;
  /** Its number, written as a string in a test case. */
  readonly parse?: (text: string) => bigint | undefined;
  /** Of `parse`: an example for messages. */
  readonly example?: string;
}

/** A number among the bytes that a pointer leads to, little-endian. */
export interface StructField {
  /** In kebab-case; a parameter of this name is this field. */
  readonly name: string;
  readonly offset: number;
  readonly size: 4 | 8;
  readonly isSigned?: true;
  /** Flags of open(2) as arm64 has them. */
  readonly isOfArm?: true;
}

/** The memory behind a pointer, as the capability `memory` has it. */
export type PointedMemory =
  /** Never followed. */
  | 'none'
  /** The snapshot that the addon has read. */
  | 'snapshot'
  /** Written by the call; the kernel knows how much. */
  | 'result'
  /** Written by the call; the next argument is its size. */
  | 'room'
  /** The same where the struct that the pointer leads to says it. */
  | 'room-of-struct'
  /** Read by the call; nobody knows how much. */
  | 'data'
  /** Strings, behind pointers of their own. */
  | 'strings';

/** A pointer. */
export interface PointerKind extends AnyKind {
  readonly type: 'pointer';
  /** One of `readKind`: how the addon reads it. */
  readonly read: number;
  readonly memory: PointedMemory;
  /** A path: the call acts on what it names. */
  readonly isPath?: true;
  /** Bytes in front of those that a handler gets. */
  readonly skip?: number;
  /** Numbers in what the addon has read, in the order in which handlers are told. */
  readonly fields?: readonly StructField[];
  /** Nothing but the fields. */
  readonly hasOnlyFields?: true;
  /** The kernel follows it before the pointers in front of it. */
  readonly isFollowedFirst?: true;
  /** Whether the call returns 0 for these bytes alone, whatever its other arguments are. */
  readonly isNothingAsked?: (bytes: Uint8Array) => boolean;
  /** From this byte on, what was read is in no recording. */
  readonly secretFrom?: number;
  /** Its form as a map in test cases. */
  readonly map?: {
    readonly keys: readonly string[];
    readonly bytes: (given: GivenFields) => Uint8Array;
  };
}

export type ArgumentKind = NumberKind | PointerKind;

/** AssemblyScript's types of core parameters. */
export type CoreType = 'usize' | 'i32' | 'u32' | 'u64' | 'i64';

export function isWide(type: CoreType): boolean {
  return type === 'u64' || type === 'i64';
}

/** A parameter of a family's export. */
export interface ParameterKind {
  readonly name: string;
  readonly wit: string;
  /** The AssemblyScript type that authors write. */
  readonly author: string;
  /** The core parameters that the canonical ABI makes of it. */
  readonly core: readonly CoreType[];
  /** The AssemblyScript function that makes the author's value of these, and its module; null: it is one. */
  readonly lift: { readonly from: string; readonly name: string } | null;
  readonly passed: PassedAs;
}

/** Ways of values from the inbox into the core parameters. */
export type PassedAs =
  | { readonly as: 'number' }
  /** A number of mknod(2), as its major and minor. */
  | { readonly as: 'device' }
  /** Bytes, copied. `isOfDescriptor`: NULL is the file of the call's descriptor, if it has one. */
  | { readonly as: 'list'; readonly isOptional: boolean; readonly isOfDescriptor?: true }
  /** Numbers of what a pointer leads to, behind whether it is not NULL. */
  | { readonly as: 'optional-fields'; readonly fields: readonly StructField[] };

/** @param next of a pair */
export function numberIn(form: NumberForm, register: bigint, next: bigint): bigint {
  const { bits, isSigned, hasUnset, isPair, isOfArm } = form;
  const half = bits / 2;
  const all =
    isPair === true
      ? BigInt.asUintN(half, register) | (BigInt.asUintN(half, next) << BigInt(half))
      : BigInt.asUintN(bits, register);
  if (isOfArm === true) return otherOpenFlags(all);
  if (hasUnset === true && all === (1n << BigInt(bits)) - 1n) return 0xffff_ffffn;
  return isSigned === true ? BigInt.asIntN(bits, all) : all;
}

/** A struct with these numbers; the others are 0. */
export function structBytes(
  size: number,
  fields: readonly StructField[],
  given: (name: string) => bigint,
): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  for (const { name, offset, size: width } of fields) {
    const value = given(name);
    if (width === 8) view.setBigUint64(offset, BigInt.asUintN(64, value), true);
    else view.setUint32(offset, Number(BigInt.asUintN(32, value)), true);
  }
  return bytes;
}

const pointerAndLength = ['usize', 'i32'] as const;

/** A parameter that is a list of bytes. */
export function listParameter(
  names: Pick<ParameterKind, 'name' | 'wit' | 'author'>,
  lift: string,
): ParameterKind {
  return {
    ...names,
    core: pointerAndLength,
    lift: { from: 'abi/exports', name: lift },
    passed: { as: 'list', isOptional: false },
  };
}

/** The same where NULL says something of its own. */
export function optionalListParameter(
  names: Pick<ParameterKind, 'name' | 'wit' | 'author'>,
  lift: string,
): ParameterKind {
  return {
    ...names,
    core: ['i32', ...pointerAndLength],
    lift: { from: 'abi/exports', name: lift },
    passed: { as: 'list', isOptional: true },
  };
}

/** A parameter that is one number. */
export function numberParameter(wit: string, core: CoreType): ParameterKind {
  return { name: wit, wit, author: core, core: [core], lift: null, passed: { as: 'number' } };
}
