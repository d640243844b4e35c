// SPDX-License-Identifier: Apache-2.0
// What is kept of a container's annotations for as long as it lives: whoever sends a megabyte of them
// for each of many containers is not to fill our memory.
import { workloadWords } from './workload.ts';

export interface KeptAnnotations {
  readonly annotations: ReadonlyMap<string, string>;
  /** How many are not kept. */
  readonly leftOut: number;
}

const mostBytes = 64 * 1024;
/** Of what says which pod a container is in: names of pods have at most 253. */
const mostOfWord = 1024;

function sizeOf(key: string, value: string): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value);
}

/** Those that the agent itself understands come first, then the others as they fit. */
export function keptAnnotations(all: ReadonlyMap<string, string>): KeptAnnotations {
  const entries = [...all];
  let length = 0;
  const fits = ([key, value]: readonly [string, string]): boolean => {
    const size = sizeOf(key, value);
    if (length + size > mostBytes || (workloadWords.has(key) && size > mostOfWord)) return false;
    length += size;
    return true;
  };
  const words = entries.filter(([key]) => workloadWords.has(key)).filter((entry) => fits(entry));
  const others = entries.filter(([key]) => !workloadWords.has(key)).filter((entry) => fits(entry));
  const annotations = new Map([...words, ...others]);
  return { annotations, leftOut: all.size - annotations.size };
}
