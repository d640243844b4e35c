// SPDX-License-Identifier: Apache-2.0
// The number of worker threads, by the machine's cores and the agent's memory.
import { availableParallelism } from 'node:os';

import { memoryLimit } from '../process/memory-limit.ts';

export interface PoolSize {
  /** Number of workers that run at once while none is blocked. */
  readonly running: number;
  /** There are always so many: one more than can run takes over when one is ended. */
  readonly min: number;
  /** Even when all are blocked. */
  readonly max: number;
}

/** Memory of one worker, and the share of the agent's memory for all of them. */
const workerBytes = 16 * 2 ** 20;
const partOfWorkers = 1 / 4;
/** The addon has 64 places, also for those that a container keeps waiting and others replace. */
const maxWorkers = 48;
/** So that calls go on while some wait for something slow, on any machine. */
const leastWorkers = 8;

export interface Machine {
  readonly cores: number;
  /** Memory limit of the agent. */
  readonly memoryBytes: number;
}

/** @param workers a fixed number; absent: as the machine has cores and the agent memory */
export function poolSize(
  workers?: number,
  machine: Machine = { cores: availableParallelism(), memoryBytes: memoryLimit() },
): PoolSize {
  if (workers !== undefined) return { running: workers, min: workers, max: workers };
  const { cores, memoryBytes } = machine;
  const fitting = Math.floor((memoryBytes * partOfWorkers) / workerBytes);
  const max = Math.max(leastWorkers, Math.min(maxWorkers, fitting, 4 * cores));
  // one waits for all others while another one holds the listener of a thread that calls alone; and
  // a third is for when some are blocked
  const running = Math.max(2, Math.min(cores, Math.floor((max * 2) / 3)));
  return { running, min: running + 1, max };
}
