// SPDX-License-Identifier: Apache-2.0
// C++ declarations of tables.
import { sizeOf } from './layout.ts';
import type { Field, Fields, Nested } from './layout.ts';

/** Names that C++ or its macros have taken. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['errno', 'error'],
  ['continue', 'carry_on'],
]);

/** The name of an enumerator or a member. */
function memberName(name: string): string {
  const words = name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
  return otherNames.get(words) ?? words;
}

export function enumeration(
  name: string,
  type: string,
  values: Readonly<Record<string, number>>,
): string {
  const rows = Object.entries(values).map(([each, value]) => `  ${memberName(each)} = ${value},\n`);
  return `enum class ${name} : ${type} {\n${rows.join('')}};\n`;
}

/** Values by their order. */
export function inOrder(names: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(names.map((name, index) => [name, index]));
}

export function constant(name: string, type: string, value: number): string {
  return `inline constexpr ${type} ${name} = ${value};\n`;
}

export function constantArray(name: string, type: string, values: readonly number[]): string {
  return `inline constexpr std::array<${type}, ${values.length}> ${name} = {\n    ${values.join(', ')}};\n`;
}

/** With a check that the compiler adds no padding. */
export function struct(name: string, fields: Fields): string {
  const [last = ''] = Object.keys(fields).slice(-1);
  const before = Object.fromEntries(Object.entries(fields).slice(0, -1));
  return `struct ${name} {\n${members(fields, '  ')}};
static_assert(std::is_standard_layout_v<${name}>);
static_assert(offsetof(${name}, ${memberName(last)}) == ${sizeOf(before)});
`;
}

/** A struct of unsigned numbers of 64 bits. */
export function structOfNumbers(name: string, names: readonly string[]): string {
  return struct(name, Object.fromEntries(names.map((each) => [each, 'u64'] as const)));
}

function members(fields: Fields, indent: string): string {
  const nested = Object.values(fields).map(nestedOf);
  const types = new Map(nested.flatMap((each) => (each ? [[each.structName, each.fields]] : [])));
  const structs = [...types].map(
    ([name, inner]) => `${indent}struct ${name} {\n${members(inner, `${indent}  `)}${indent}};\n`,
  );
  const rows = Object.entries(fields).map(
    ([name, field]) => `${indent}${typeOf(field)} ${memberName(name)};\n`,
  );
  return [...structs, ...rows].join('');
}

function isArray(field: Field): field is Extract<Field, readonly unknown[]> {
  return Array.isArray(field);
}

function nestedOf(field: Field): Nested | undefined {
  const item = isArray(field) ? field[0] : field;
  return typeof item !== 'string' && 'fields' in item ? item : undefined;
}

function typeOf(field: Field): string {
  if (isArray(field)) return `std::array<${typeOf(field[0])}, ${field[1]}>`;
  if (typeof field !== 'string') return 'fields' in field ? field.structName : field.enumName;
  return `std::${field.startsWith('u') ? 'uint' : 'int'}${field.slice(1)}_t`;
}
