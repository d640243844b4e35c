// SPDX-License-Identifier: Apache-2.0
// The machine that is measured on: its processors, its kernel, our priority on it.
import { readFileSync } from 'node:fs';
import { cpus, release, setPriority } from 'node:os';

import { messageOf } from '../../host/errors.ts';

/** Lists of CPUs as taskset(1) takes them. */
export interface CpuChoice {
  readonly one: string;
  /** @throws Error where there is only one */
  readonly two: () => string;
}

/** `0-2,5` as numbers. */
function parseCpuList(list: string): readonly number[] {
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** The first of the CPUs that we may use. */
export function chooseCpus(): CpuChoice {
  const status = readFileSync('/proc/self/status', 'utf8');
  const [first, second] = parseCpuList(/^Cpus_allowed_list:\s*(.*)$/mu.exec(status)?.[1] ?? '');
  if (first === undefined) throw new Error('cannot read which CPUs may be used');
  return {
    one: String(first),
    two: () => {
      if (second === undefined) throw new Error('two CPUs are needed, and there is one');
      return `${first},${second}`;
    },
  };
}

/** Raises the priority of every process started from here on, where that is allowed. */
export function renice(): boolean {
  try {
    setPriority(-10);
    return true;
  } catch (error) {
    console.error(`running without a raised priority: ${messageOf(error)}`);
    return false;
  }
}

export interface Machine {
  readonly kernel: string;
  readonly cpu: string;
  readonly cpuCount: number;
  readonly node: string;
  readonly isReniced: boolean;
}

export function describeMachine(isReniced: boolean): Machine {
  const all = cpus();
  return {
    kernel: release(),
    cpu: all[0]?.model ?? 'unknown',
    cpuCount: all.length,
    node: process.version,
    isReniced,
  };
}
