// SPDX-License-Identifier: Apache-2.0
// Measures how long a chain of handlers takes for recorded calls, without what the host does for it.
import type { RecordedCall } from '../recording/recorded-call.ts';
import { ReplayedChain } from './replayed-chain.ts';
import type { ReplayedChainParts } from './replayed-chain.ts';
import { Stopwatch } from './timed-host.ts';

/** Of one system call. */
export interface Measured {
  readonly syscall: string;
  /** Calls in the recording. */
  readonly calls: number;
  /** Number of measurements. */
  readonly samples: number;
  /** Of the samples, those in which a handler failed. */
  readonly failures: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface MeasuringTimes {
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Of one system call; a handler that is measured for a minute is not kept track of any longer. */
const maxSamples = 1_000_000;

interface Samples {
  readonly us: number[];
  readonly calls: Set<number>;
  failures: number;
}

function percentile(sorted: readonly number[], share: number): number {
  const index = Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1);
  return sorted[Math.max(index, 0)] ?? Number.NaN;
}

function summary(syscall: string, { us, calls, failures }: Samples): Measured {
  const sorted = us.toSorted((one, other) => one - other);
  return {
    syscall,
    calls: calls.size,
    samples: sorted.length,
    failures,
    p50Us: percentile(sorted, 0.5),
    p99Us: percentile(sorted, 0.99),
  };
}

/**
 * Asks about all calls again and again: first until code is compiled as well as it will be.
 * @param onRound told of each round
 */
export function measure(
  parts: ReplayedChainParts,
  calls: readonly RecordedCall[],
  { times, onRound }: { readonly times: MeasuringTimes; readonly onRound: () => void },
): readonly Measured[] {
  const stopwatch = new Stopwatch();
  const chain = new ReplayedChain({ ...parts, stopwatch });
  const bySyscall = new Map<string, Samples>();
  const askAll = (): void => {
    calls.forEach((call, index) => {
      const samples = bySyscall.get(call.syscall) ?? { us: [], calls: new Set(), failures: 0 };
      bySyscall.set(call.syscall, samples);
      stopwatch.take();
      const { tookNs, hasFailed } = chain.time(call);
      samples.calls.add(index);
      if (hasFailed) samples.failures += 1;
      if (samples.us.length < maxSamples) samples.us.push(Number(tookNs - stopwatch.take()) / 1000);
    });
    onRound();
  };
  repeat(askAll, times.warmUpMs);
  bySyscall.clear();
  repeat(askAll, times.measureMs);
  return [...bySyscall].map(([syscall, samples]) => summary(syscall, samples));
}

/** At least once. */
function repeat(act: () => void, milliseconds: number): void {
  const end = performance.now() + milliseconds;
  do act();
  while (performance.now() < end);
}
