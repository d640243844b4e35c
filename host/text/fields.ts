// SPDX-License-Identifier: Apache-2.0
// Fields of values that come from outside.

/** Undefined: it is no object, or has none of this name. */
export function fieldOf(value: unknown, field: string): unknown {
  // it may have hundreds of thousands, so that none but this one is looked at
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field)) return undefined;
  const found: unknown = Reflect.get(value, field);
  return found;
}

/** Of a list those that are texts. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value)
    ? value.filter((each): each is string => typeof each === 'string')
    : [];
}
