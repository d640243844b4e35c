// SPDX-License-Identifier: Apache-2.0
// Rights that the tests have themselves: machines that are a guest of another may lack some.
import { readFileSync } from 'node:fs';

/** CAP_SYS_RESOURCE. */
const resource = 24n;

/** Whether a process may make others safe from the kernel's killer, see proc_pid_oom_score_adj(5). */
export function maySpare(process: number | 'self'): boolean {
  const status = readFileSync(`/proc/${process}/status`, 'utf8');
  const set = /^CapEff:\s*(?<set>\w+)$/mu.exec(status)?.groups?.['set'] ?? '0';
  return ((BigInt(`0x${set}`) >> resource) & 1n) === 1n;
}

/** The checks of the doctor that warn for that. */
export const warnedOf: readonly string[] = maySpare('self') ? [] : ['linux-capabilities'];
