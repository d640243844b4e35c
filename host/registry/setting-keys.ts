// SPDX-License-Identifier: Apache-2.0
// Handlers have words of their own for their settings; people write the keys of their bundle.

/** Words of a handler, and the keys that set them, where those are others. */
export type SettingKeys = readonly (readonly [word: string, key: string])[];

/** Message of a handler about its settings, with the keys to mend. */
export function withKeys(text: string, keys: SettingKeys): string {
  const named = new Map(keys);
  const replaced = text.replaceAll(/"(?<word>[^"]*)"/gu, (quoted, word: string) => {
    const key = named.get(word);
    return key === undefined ? quoted : `"${key}"`;
  });
  if (replaced !== text || keys.length === 0) return replaced;
  return `${text} (they are set by ${keys.map(([, key]) => key).join(', ')})`;
}
