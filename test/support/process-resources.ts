// SPDX-License-Identifier: Apache-2.0
// Resources of a process, from /proc: descriptors, threads, children, processor time.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

import { until } from './polling.ts';

/** How many descriptors a process has open; its runtime reads its own executable now and then. */
export function openFdCount(pid: number): number {
  const executable = readlinkSync(`/proc/${pid}/exe`);
  return openFiles(pid).filter((file) => !file.endsWith(` ${executable}`)).length;
}

/** The count once it has not changed for a while: a process that starts still opens and closes. */
export async function settledFdCount(pid: number): Promise<number> {
  const settledMs = 200;
  let count = openFdCount(pid);
  let since = performance.now();
  return until('descriptors to settle', () => {
    const now = openFdCount(pid);
    if (now !== count) since = performance.now();
    count = now;
    return performance.now() - since > settledMs ? count : undefined;
  });
}

/** Targets of the descriptors of a process, for messages. */
function openFiles(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return `${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`)}`;
    } catch {
      return `${fd} closed meanwhile`;
    }
  });
}

/** Resolves once a process has as many descriptors open as it should. */
export async function untilFdCountIs(pid: number, count: number): Promise<void> {
  try {
    await until(`${count} open descriptors`, () => openFdCount(pid) === count || undefined);
  } catch (cause) {
    throw new Error(`there are these: ${openFiles(pid).join(', ')}`, { cause });
  }
}

export function threadCount(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

/** Child processes of any thread, zombies too; not the one that is always there. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((tid) => readIfThere(`/proc/${pid}/task/${tid}/children`).split(' '))
    .filter((child) => child !== '' && nameOf(child) !== 'last-closing')
    .map(Number);
}

function nameOf(pid: string): string {
  return readIfThere(`/proc/${pid}/comm`).trimEnd();
}

/** Empty: the process, or the thread, has ended. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Where in the kernel a process, or a thread, waits; empty: nowhere, or it has ended. */
export function waitingPlace(id: number): string {
  return readIfThere(`/proc/${id}/wchan`);
}

/** Where in the kernel the threads of a process wait. */
export function waitingPlaces(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/task`).map((tid) => waitingPlace(Number(tid)));
}

/** How many child processes were killed, and have not ended. */
export function killedChildren(pid: number): number {
  return childrenOf(pid).filter((child) =>
    /^SigPnd:\s.*[1-9a-f].{2}$/mu.test(readIfThere(`/proc/${child}/status`)),
  ).length;
}

/** Resolves once none is left of those that acted for callers. */
export async function untilChildless(pid: number): Promise<void> {
  await until('all children to end', () => (childrenOf(pid).length === 0 ? true : undefined));
}

/** Processor time that a process has used, in user and kernel mode; the clock ticks 100 Hz. */
export function cpuTicks(pid: number): number {
  const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // the second field, the name, may hold anything; behind it the third one follows
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** The mounts that a process sees. */
export function mountsOf(pid: number | 'self'): string {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
}

/** The processes that a process has started, and those that these have. */
export function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}
