// SPDX-License-Identifier: Apache-2.0
// Keys in errors about a text. What somebody has put where we look for a profile or a configuration
// may be another file altogether, such as one with passwords, which errors must not show.

/** Keys that are known are shorter. */
const maxCharacters = 64;

/** A key as errors may show it: only of a text of which `isOfKind`. */
export function shownKey(key: string): string {
  return key.length > maxCharacters ? `${key.slice(0, maxCharacters)}…` : key;
}

/** Whether a text is of the wanted kind: it has a known key, or none at all. */
export function isOfKind(keys: readonly string[], known: readonly string[]): boolean {
  return keys.length === 0 || keys.some((key) => known.includes(key));
}
