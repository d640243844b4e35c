// SPDX-License-Identifier: Apache-2.0
// The kept annotations of a container, limited in bytes: a megabyte of them for each of many containers
// would fill our memory.
import { fieldOf } from '../text/fields.ts';
import { workloadWords } from './workload.ts';

export interface KeptAnnotations {
  readonly annotations: ReadonlyMap<string, string>;
  /** Number of those that are not kept. */
  readonly leftOut: number;
}

const maxBytes = 64 * 1024;
/** Each takes a hundred bytes of memory besides its text. */
const maxEntries = 1024;
/** Of what says which pod a container is in: names of pods have at most 253. */
const maxOfWord = 1024;

/**
 * Those that the agent itself understands come first, then the others as they fit. No more of them are
 * looked at than it takes.
 * @param textAt what is at a key, or throws
 */
export function keptAnnotations(
  all: object,
  textAt: (value: unknown, key: string) => string,
): KeptAnnotations {
  const annotations = new Map<string, string>();
  let length = 0;
  const keep = (key: string): void => {
    const value = textAt(fieldOf(all, key), key);
    const size = Buffer.byteLength(key) + Buffer.byteLength(value);
    if (length + size > maxBytes || (workloadWords.has(key) && size > maxOfWord)) return;
    length += size;
    annotations.set(key, value);
  };
  const keys = Object.keys(all);
  for (const word of workloadWords) if (Object.hasOwn(all, word)) keep(word);
  for (const key of keys) {
    if (annotations.size >= maxEntries) break;
    if (!workloadWords.has(key)) keep(key);
  }
  return { annotations, leftOut: keys.length - annotations.size };
}
