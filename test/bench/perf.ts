// SPDX-License-Identifier: Apache-2.0
// perf's own benchmark of seccomp notifications: a blocking receiver that reads nothing.
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

import type { Figures } from './figures.ts';

const calls = 100_000;

/** Whether perf is installed and has the benchmark. */
export function hasPerfBench(): boolean {
  const { stdout, stderr } = spawnSync('perf', ['bench', 'sched'], { encoding: 'utf8' });
  return `${stdout ?? ''}${stderr ?? ''}`.includes('seccomp-notify');
}

/** `perf bench sched seccomp-notify` with SYNC_WAKE_UP; it tells a mean only. */
export async function runPerfBench(cpus: string): Promise<Figures> {
  const command = ['perf', 'bench', 'sched', 'seccomp-notify', '-s', '-l', String(calls)];
  const { stdout } = await promisify(execFile)('taskset', ['-c', cpus, ...command]);
  const microseconds = /([\d.]+) usecs\/op/u.exec(stdout)?.[1];
  if (microseconds === undefined) throw new Error(`cannot read what perf says: ${stdout}`);
  return { meanNs: Number(microseconds) * 1000 };
}
