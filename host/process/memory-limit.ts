// SPDX-License-Identifier: Apache-2.0
// Memory limit of the agent.
import { totalmem } from 'node:os';

/** 0: nobody knows. */
let known = 0;

/** By its cgroup and by the machine, in bytes. */
export function memoryLimit(): number {
  // 0 where it cannot be read, as where descriptors have run out; without a limit it is more than any
  // machine has
  known = process.constrainedMemory() || known;
  return Math.min(known || Number.POSITIVE_INFINITY, totalmem());
}

const mebibyte = 2 ** 20;
/** A thread without any instance takes a third of it. */
const leastHeapMb = 32;
/** Of the agent's memory, what the heaps of all threads of a kind may have. */
const partOfHeaps = 1 / 2;

/** Of one of them: all together have no more than there is, however many there are. */
export function heapLimitMb(threads: number, memoryBytes: number = memoryLimit()): number {
  return Math.max(leastHeapMb, Math.floor((memoryBytes * partOfHeaps) / threads / mebibyte));
}
