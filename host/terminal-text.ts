// SPDX-License-Identifier: Apache-2.0
// Text of strangers on a terminal: what moves the cursor, turns the direction of writing, or ends the
// line is shown as its number.

/** As a class of a regular expression has them; the schemas have them as well. */
export const controlCharacters: string = String.raw`\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069`;

export function hasControlCharacters(text: string): boolean {
  return new RegExp(`[${controlCharacters}]`, 'u').test(text);
}

const each = new RegExp(`[${controlCharacters}]`, 'gu');

/** For one line. JSON that stands on one means the same then. */
export function escaped(text: string): string {
  return text.replaceAll(
    each,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** The value of a field in a line of text: it cannot be taken for more fields. */
export function quoted(value: unknown): string {
  if (typeof value !== 'string') return escaped(JSON.stringify(value) ?? 'undefined');
  return /^[\w@%+=:,./-]+$/u.test(value) ? value : escaped(JSON.stringify(value));
}

/** Of a text of any length, its beginning. */
export function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
}

/** `1 call`, `2 calls`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

export function shownLines(lines: readonly string[]): string {
  return lines.map((line) => escaped(line)).join('\n');
}

/** JSON for programs, which people see too: it means the same. */
export function shownJson(value: unknown): string {
  return shownLines(JSON.stringify(value, undefined, 2).split('\n'));
}
