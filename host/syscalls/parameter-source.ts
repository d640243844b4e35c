// SPDX-License-Identifier: Apache-2.0
// Where a call has the parameters of its family's export: what the decoder, the trampoline and
// `perform` read them from.
import { familyParameters } from './syscall-table.ts';
import type { Argument, ArgumentKind, FamilyParameter, SyscallRow } from './syscall-table.ts';

export type ParameterSource =
  /** A register, by its place. */
  | { readonly from: 'register'; readonly index: number; readonly as: RegisterForm }
  /** What a pointer leads to, but for the first bytes. */
  | { readonly from: 'bytes'; readonly index: number; readonly skip: number }
  /** A number of 4 or 8 bytes among those that a pointer leads to. */
  | {
      readonly from: 'field';
      readonly index: number;
      readonly offset: number;
      readonly size: 4 | 8;
    }
  | { readonly from: 'constant'; readonly value: number };

/** How a register is read, by the C type of the argument. */
export type RegisterForm = 'mode' | 'u32' | 'u64' | 'id16' | 'device';

export interface Parameter {
  readonly name: string;
  readonly kind: FamilyParameter['kind'];
  readonly source: ParameterSource;
}

/** How the addon leaves `struct xattr_args` of setxattrat(2): flags, size, and then the value. */
export const xattrArgs = { flags: 0, size: 4, value: 8 } as const;
/** struct open_how of openat2(2). */
export const openHow = { flags: 0, mode: 8, resolve: 16, size: 24 } as const;
/** struct xattr_args of getxattrat(2), as it came. */
export const xattrRoom = { address: 0, size: 8, flags: 12 } as const;

/** Parameters that are part of a struct, by the kind of its argument. */
const fields: Readonly<
  Partial<
    Record<
      ArgumentKind,
      readonly { readonly name: string; readonly offset: number; readonly size: 4 | 8 }[]
    >
  >
> = {
  'open-how': [
    { name: 'flags', offset: openHow.flags, size: 8 },
    { name: 'mode', offset: openHow.mode, size: 8 },
    { name: 'resolve', offset: openHow.resolve, size: 8 },
  ],
  'xattr-args': [{ name: 'flags', offset: xattrArgs.flags, size: 4 }],
  'xattr-room': [{ name: 'size', offset: xattrRoom.size, size: 4 }],
};

function registerForm(kind: ArgumentKind): RegisterForm | undefined {
  switch (kind) {
    case 'dirfd':
    case 'fd':
    case 'uint':
      return 'u32';
    case 'mode':
    case 'id16':
    case 'device':
      return kind;
    case 'ulong':
      return 'u64';
    case 'path':
    case 'source':
    case 'mount-data':
    case 'xattr-name':
    case 'xattr-value':
    case 'xattr-args':
    case 'xattr-room':
    case 'open-how':
    case 'result':
    case 'room':
    case 'data':
    case 'address':
      return undefined;
  }
}

function ownSource({ kind }: Argument, index: number): ParameterSource {
  const as = registerForm(kind);
  if (as !== undefined) return { from: 'register', index, as };
  return { from: 'bytes', index, skip: kind === 'xattr-args' ? xattrArgs.value : 0 };
}

function fieldSource(own: readonly Argument[], name: string): ParameterSource | undefined {
  for (const [index, { kind }] of own.entries()) {
    const field = fields[kind]?.find((candidate) => candidate.name === name);
    if (field !== undefined) {
      return { from: 'field', index, offset: field.offset, size: field.size };
    }
  }
  return undefined;
}

function sourceOf(row: SyscallRow, name: string): ParameterSource {
  const own = row.arguments.map((argument, index) => ({ argument, index }));
  // in setxattrat(2) `size` is that of the struct: a field goes before an argument of its name
  const field = fieldSource(row.arguments, name);
  if (field !== undefined) return field;
  const found = own.find(({ argument }) => argument.name === name);
  if (found !== undefined) return ownSource(found.argument, found.index);
  return { from: 'constant', value: row.constants?.[name] ?? 0 };
}

/** The parameters of the family's export, and where this call has them. */
export function parametersOf(row: SyscallRow): readonly Parameter[] {
  return familyParameters(row.family).map(({ name, kind }) => ({
    name,
    kind,
    source: sourceOf(row, name),
  }));
}
