// SPDX-License-Identifier: Apache-2.0
// Memory limit of the agent.
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** 0: nobody knows. */
let known = 0;
const kibibyte = 1024;

function numberIn(meminfo: string, name: string): number {
  return Number(new RegExp(`^${name}: +(\\d+)`, 'mu').exec(meminfo)?.[1] ?? 0);
}

/**
 * Bytes of huge pages that are set aside: nothing else gets this memory, used or not.
 * @param meminfo text of /proc/meminfo
 */
export function bytesSetAside(meminfo: string): number {
  // before Linux 4.18 only those of the usual size are told
  const usual = numberIn(meminfo, 'HugePages_Total') * numberIn(meminfo, 'Hugepagesize');
  return Math.max(numberIn(meminfo, 'Hugetlb'), usual) * kibibyte;
}

/** Whoever reserves huge pages does so seldom. */
const readForMs = 10_000;
let setAside = { bytes: 0, untilMs: 0 };

function bytesSetAsideNow(): number {
  const nowMs = performance.now();
  if (nowMs < setAside.untilMs) return setAside.bytes;
  let { bytes } = setAside;
  try {
    bytes = bytesSetAside(readFileSync('/proc/meminfo', 'latin1'));
  } catch {
    // as before, such as where descriptors have run out
  }
  setAside = { bytes, untilMs: nowMs + readForMs };
  return bytes;
}

/** By its cgroup and by the machine, in bytes. */
export function memoryLimit(): number {
  // 0 where it cannot be read, as where descriptors have run out; without a limit it is more than any
  // machine has
  known = process.constrainedMemory() || known;
  return Math.min(known || Number.POSITIVE_INFINITY, totalmem() - bytesSetAsideNow());
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
