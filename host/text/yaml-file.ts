// SPDX-License-Identifier: Apache-2.0
// A YAML text as plain values, which knows the line of each.
import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Document } from 'yaml';

import { readYaml } from './yaml-document.ts';

/** From the top: keys of maps, and places in lists. */
type Keys = readonly (string | number)[];

export interface YamlText {
  readonly value: unknown;
  /** `FILE:LINE`, of the last of the keys that is there. */
  readonly place: (keys: Keys) => string;
  readonly isGiven: (keys: Keys) => boolean;
}

/** Says what is wrong with a text, and throws. */
export type OnYamlError = (place: string, what: string) => never;

function offsetOf(document: Document, keys: Keys): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const key of keys) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
      if (pair === undefined) return offset;
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === 'number') {
      const item = node.items[key];
      if (isScalar(item) || isMap(item) || isSeq(item)) offset = item.range?.[0] ?? offset;
      node = item;
    } else return offset;
  }
  return offset;
}

/** @param file begins the messages */
export function parseYaml(text: string, file: string, onError: OnYamlError): YamlText {
  const { document, lines, error, warning } = readYaml(text);
  const placeOf = (offset: number): string => `${file}:${lines.linePos(offset).line || 1}`;
  const fault = error ?? warning;
  if (fault !== undefined) onError(placeOf(fault.offset), fault.what);
  let value: unknown;
  try {
    value = document.toJS();
  } catch {
    onError(`${file}:1`, 'not YAML: aliases lead nowhere, or to more than there is memory for');
  }
  return {
    value,
    place: (keys) => placeOf(offsetOf(document, keys)),
    isGiven: (keys) => document.hasIn(keys),
  };
}
