// SPDX-License-Identifier: Apache-2.0
// Structs that TypeScript and C++ share: their fields in order, and where these are.

type Scalar = 'u8' | 'i32' | 'u32' | 'i64' | 'u64';

/** A number of 32 bits that C++ has as this enum. */
interface EnumField {
  readonly enumName: string;
}

/** A struct within a struct. */
export interface Nested<F extends Fields = Fields> {
  readonly structName: string;
  readonly fields: F;
}

type Single = Scalar | EnumField | Nested;

/** An array is its item and its length. */
export type Field = Single | readonly [item: Single, length: number];
export type Fields = { readonly [name: string]: Field };

type FlatName<N extends string, F> =
  F extends Nested<infer G> ? `${N}${Capitalize<keyof G & string>}` : N;

/** A place for each field. The fields of a nested struct have its name in front of theirs. */
export type Places<F extends Fields> = {
  readonly [N in keyof F & string as FlatName<N, F[N]>]: number;
};

/** In bytes, as C++ has them; no padding: a field that is not aligned throws. */
export function offsetsOf<F extends Fields>(fields: F): Places<F> {
  return Object.fromEntries(placesOf(fields, 0)) as Places<F>;
}

/** In words of `size` bytes. */
export function wordsOf<F extends Fields>(fields: F, size: 4 | 8): Places<F> {
  const words = placesOf(fields, 0).map(([name, offset]) => [name, offset / size]);
  return Object.fromEntries(words) as Places<F>;
}

/** The bytes up to the end of the last field. */
export function sizeOf(fields: Fields): number {
  return Object.values(fields).reduce((size, field) => size + sizeOfField(field), 0);
}

function placesOf(fields: Fields, start: number): readonly (readonly [string, number])[] {
  let offset = start;
  return Object.entries(fields).flatMap(([name, field]) => {
    const place = offset;
    if (place % alignmentOf(field) !== 0) throw new RangeError(`the field ${name} is not aligned`);
    offset += sizeOfField(field);
    if (typeof field === 'string' || !('fields' in field)) return [[name, place] as const];
    return placesOf(field.fields, place).map(
      ([inner, at]) => [`${name}${inner.charAt(0).toUpperCase()}${inner.slice(1)}`, at] as const,
    );
  });
}

function isArray(field: Field): field is readonly [item: Single, length: number] {
  return Array.isArray(field);
}

function sizeOfField(field: Field): number {
  if (isArray(field)) return sizeOfField(field[0]) * field[1];
  if (typeof field !== 'string') return 'fields' in field ? sizeOf(field.fields) : 4;
  return field === 'u8' ? 1 : Number(field.slice(1)) / 8;
}

function alignmentOf(field: Field): number {
  if (isArray(field)) return alignmentOf(field[0]);
  if (typeof field === 'string' || !('fields' in field)) return sizeOfField(field);
  return Math.max(...Object.values(field.fields).map(alignmentOf));
}
