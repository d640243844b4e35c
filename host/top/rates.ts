// SPDX-License-Identifier: Apache-2.0
// Activity of containers between two looks at the same agent.
import { keyOfFigures } from '../control/figures.ts';
import type { AgentFigures, ContainerFigures } from '../control/figures.ts';
import { bucketBoundsSeconds } from '../counting/counters.ts';

export interface SyscallRate {
  readonly name: string;
  readonly perSecond: number;
}

export interface ContainerRates {
  readonly id: string;
  /** `namespace/pod/container`; empty: it is nothing to Kubernetes. */
  readonly name: string;
  readonly callsPerSecond: number;
  /** Of calls that got an errno, whoever wanted that. */
  readonly errorsPerSecond: number;
  /** Of calls that the agent or a handler failed at. */
  readonly failuresPerSecond: number;
  /** Undefined: there was no call. */
  readonly p50Seconds: number | undefined;
  readonly p99Seconds: number | undefined;
  /** Those that were called, most of them first. */
  readonly syscalls: readonly SyscallRate[];
  readonly handlers: ContainerFigures['handlers'];
  readonly refusal: string | undefined;
}

/**
 * By linear interpolation in its bucket, as Prometheus has it; what is above all bounds counts as the
 * last one.
 * @param buckets not cumulative
 * @returns undefined: there is nothing in them
 */
export function quantile(buckets: readonly number[], share: number): number | undefined {
  const all = buckets.reduce((sum, count) => sum + count, 0);
  if (all === 0) return undefined;
  let rank = share * all;
  for (const [index, count] of buckets.entries()) {
    const upper = bucketBoundsSeconds[index];
    if (upper === undefined) break;
    const lower = bucketBoundsSeconds[index - 1] ?? 0;
    if (rank <= count && count > 0) return lower + (upper - lower) * (rank / count);
    rank -= count;
  }
  return bucketBoundsSeconds.at(-1);
}

/** A container may have ended and another one come by its name: that one has begun at zero. */
function isSame(before: ContainerFigures, now: ContainerFigures): boolean {
  return before.durations.every((count, index) => count <= (now.durations[index] ?? 0));
}

function nothingOf(now: ContainerFigures): ContainerFigures {
  const calls = { value: 0, errno: 0, continue: 0, gone: 0, failed: 0 };
  return { ...now, calls, durations: now.durations.map(() => 0), syscalls: [] };
}

function ratesOfContainer(
  before: ContainerFigures,
  now: ContainerFigures,
  seconds: number,
): ContainerRates {
  const durations = now.durations.map((count, index) => count - (before.durations[index] ?? 0));
  const failed = now.calls.failed - before.calls.failed;
  const errors = now.calls.errno - before.calls.errno + failed;
  const earlier = new Map(before.syscalls.map(({ name, calls }) => [name, calls]));
  return {
    id: now.id,
    name: [now.namespace, now.pod, now.container].filter((part) => part !== undefined).join('/'),
    callsPerSecond: durations.reduce((sum, count) => sum + count, 0) / seconds,
    errorsPerSecond: errors / seconds,
    failuresPerSecond: failed / seconds,
    p50Seconds: quantile(durations, 0.5),
    p99Seconds: quantile(durations, 0.99),
    syscalls: now.syscalls
      .map(({ name, calls }) => ({ name, perSecond: (calls - (earlier.get(name) ?? 0)) / seconds }))
      .filter(({ perSecond }) => perSecond > 0)
      .toSorted((one, two) => two.perSecond - one.perSecond),
    handlers: now.handlers,
    refusal: now.refusal,
  };
}

/** @returns undefined: the two are not of the same agent */
export function ratesBetween(
  before: AgentFigures,
  now: AgentFigures,
): readonly ContainerRates[] | undefined {
  const seconds = (now.takenAtMs - before.takenAtMs) / 1000;
  if (before.pid !== now.pid || seconds <= 0) return undefined;
  const earlier = new Map(
    before.containers.map((container) => [keyOfFigures(container), container]),
  );
  return now.containers.map((container) => {
    const known = earlier.get(keyOfFigures(container));
    const base = known !== undefined && isSame(known, container) ? known : nothingOf(container);
    return ratesOfContainer(base, container, seconds);
  });
}
