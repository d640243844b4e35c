// SPDX-License-Identifier: Apache-2.0
// What is in values that somebody else has written.

/** Undefined: it is no object, or has none of this name. */
export function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null
    ? new Map<string, unknown>(Object.entries(value)).get(field)
    : undefined;
}

/** Of a list those that are texts. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value)
    ? value.filter((each): each is string => typeof each === 'string')
    : [];
}
