// SPDX-License-Identifier: Apache-2.0
// The places where a call has the parameters of its family's export: the decoder, the trampoline and
// `perform` read them there.
import { familyParameters } from './family-table.ts';
import type { FamilyParameter } from './family-table.ts';
import type { NumberForm, ParameterKind } from './kinds/kind.ts';
import type { Argument, SyscallRow } from './syscall-table.ts';

/**
 * Meaning of a NULL pointer: EFAULT, a value of its own, or the file of the descriptor in a register:
 * EFAULT where that is AT_FDCWD.
 */
export type WhenNull = 'fault' | 'value' | { readonly descriptor: number };

export type ParameterSource =
  /** A register, by its place. */
  | { readonly from: 'register'; readonly index: number; readonly form: NumberForm }
  /** The bytes that a pointer leads to, but for the first ones. */
  | {
      readonly from: 'bytes';
      readonly index: number;
      readonly skip: number;
      readonly whenNull: WhenNull;
    }
  /** A number of 4 or 8 bytes among those that a pointer leads to. */
  | {
      readonly from: 'field';
      readonly index: number;
      readonly offset: number;
      readonly size: 4 | 8;
      /** Flags of open(2) as arm64 has them. */
      readonly isOfArm?: true;
    }
  | { readonly from: 'constant'; readonly value: number };

export interface Parameter extends FamilyParameter {
  readonly source: ParameterSource;
}

function whenNull(own: readonly Argument[], { passed }: ParameterKind): WhenNull {
  if (passed.as === 'optional-fields') return 'value';
  if (passed.as !== 'list' || !passed.isOptional) return 'fault';
  if (passed.isOfDescriptor !== true) return 'value';
  const descriptor = own.findIndex(
    ({ kind }) => kind.type === 'number' && kind.descriptor !== undefined,
  );
  return descriptor < 0 ? 'fault' : { descriptor };
}

function ownSource(
  own: readonly Argument[],
  index: number,
  parameter: ParameterKind,
): ParameterSource | undefined {
  const kind = own[index]?.kind;
  if (kind === undefined) return undefined;
  return kind.type === 'number'
    ? { from: 'register', index, form: kind.form }
    : { from: 'bytes', index, skip: kind.skip ?? 0, whenNull: whenNull(own, parameter) };
}

function fieldSource(own: readonly Argument[], name: string): ParameterSource | undefined {
  for (const [index, { kind }] of own.entries()) {
    if (kind.type === 'number') continue;
    const field = kind.fields?.find((candidate) => candidate.name === name);
    if (field !== undefined) {
      const { offset, size, isOfArm } = field;
      return { from: 'field', index, offset, size, ...(isOfArm === true ? { isOfArm } : {}) };
    }
  }
  return undefined;
}

function sourceOf(row: SyscallRow, { name, kind }: FamilyParameter): ParameterSource {
  // in setxattrat(2) `size` is that of the struct: a field goes before an argument of its name
  const field = fieldSource(row.arguments, name);
  if (field !== undefined) return field;
  const index = row.arguments.findIndex((argument) => argument.name === name);
  return (
    ownSource(row.arguments, index, kind) ?? {
      from: 'constant',
      value: row.constants?.[name] ?? 0,
    }
  );
}

/** The parameters of the family's export, and where this call has them. */
export function parametersOf(row: SyscallRow): readonly Parameter[] {
  return familyParameters(row.family).map((parameter) => ({
    ...parameter,
    source: sourceOf(row, parameter),
  }));
}
