// SPDX-License-Identifier: Apache-2.0
// The places where a call has the parameters of its family's export: the decoder, the trampoline and
// `perform` read them there.
import { familyParameters } from './family-table.ts';
import type { FamilyParameter } from './family-table.ts';
import type { NumberForm } from './kinds/kind.ts';
import type { Argument, SyscallRow } from './syscall-table.ts';

export type ParameterSource =
  /** A register, by its place. */
  | { readonly from: 'register'; readonly index: number; readonly form: NumberForm }
  /** The bytes that a pointer leads to, but for the first ones. */
  | { readonly from: 'bytes'; readonly index: number; readonly skip: number }
  /** A number of 4 or 8 bytes among those that a pointer leads to. */
  | {
      readonly from: 'field';
      readonly index: number;
      readonly offset: number;
      readonly size: 4 | 8;
    }
  | { readonly from: 'constant'; readonly value: number };

export interface Parameter extends FamilyParameter {
  readonly source: ParameterSource;
}

function ownSource({ kind }: Argument, index: number): ParameterSource {
  return kind.type === 'number'
    ? { from: 'register', index, form: kind.form }
    : { from: 'bytes', index, skip: kind.skip ?? 0 };
}

function fieldSource(own: readonly Argument[], name: string): ParameterSource | undefined {
  for (const [index, { kind }] of own.entries()) {
    if (kind.type === 'number') continue;
    const field = kind.fields?.find((candidate) => candidate.name === name);
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
  return familyParameters(row.family).map((parameter) => ({
    ...parameter,
    source: sourceOf(row, parameter.name),
  }));
}
