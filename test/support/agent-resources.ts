// SPDX-License-Identifier: Apache-2.0
// Resources of the machine that an agent holds, and whether it gives them back after an attack.
import type { HostileAgent } from './hostile-agent-process.ts';
import { until } from './polling.ts';
import { residentBytes } from './process-memory.ts';
import { openFdCount, threadCount } from './process-resources.ts';

const mebibyte = 2 ** 20;
/** Accepted leftovers of an attack: a warm worker or two, memory that is not collected yet. */
const left = { bytes: 96 * mebibyte, fds: 24, threads: 8 } as const;

interface Resources {
  readonly bytes: number;
  readonly fds: number;
  readonly threads: number;
}

export function resourcesOf({ pid }: HostileAgent): Resources {
  return { bytes: residentBytes(pid), fds: openFdCount(pid), threads: threadCount(pid) };
}

/** Resolves once the agent holds about as much as before. */
export async function untilRecovered(agent: HostileAgent, before: Resources): Promise<void> {
  const isBack = (): true | undefined => {
    const now = resourcesOf(agent);
    const names = ['bytes', 'fds', 'threads'] as const;
    return names.every((name) => now[name] <= before[name] + left[name]) || undefined;
  };
  await until('the agent to recover', isBack).catch((cause: unknown) => {
    const states = JSON.stringify({ before, now: resourcesOf(agent) });
    throw new Error(`it holds more than before: ${states}`, { cause });
  });
}
