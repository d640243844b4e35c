// SPDX-License-Identifier: Apache-2.0
// Runs measurements in rounds: each once a round, in random order, so that what the machine does
// meanwhile hits all alike and ratios can be taken within a round.
import { randomInt } from 'node:crypto';

import { messageOf } from '../../host/errors.ts';
import { type FigureKey, type Figures } from './figures.ts';
import { type Spread, spreadOf } from './statistics.ts';

export interface Measurement {
  readonly name: string;
  /** One run, with everything that it needs started anew. */
  readonly run: () => Promise<Figures>;
}

export interface Limits {
  readonly rounds: number;
  /** No round is started that would end later. */
  readonly seconds: number;
}

/** By the measurements' names. */
export type Round = ReadonlyMap<string, Figures>;

export interface Measured {
  readonly rounds: readonly Round[];
  /** Measurements that failed, with the reason; they are in no round after that. */
  readonly failures: ReadonlyMap<string, string>;
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, key: randomInt(2 ** 47) }))
    .toSorted((left, right) => left.key - right.key)
    .map(({ item }) => item);
}

export async function runRounds(
  measurements: readonly Measurement[],
  limits: Limits,
): Promise<Measured> {
  const rounds: Round[] = [];
  const failures = new Map<string, string>();
  const startMs = performance.now();
  let longestRoundMs = 0;
  while (rounds.length < limits.rounds && failures.size < measurements.length) {
    const roundStartMs = performance.now();
    if (roundStartMs - startMs + longestRoundMs > limits.seconds * 1000) break;
    const round = new Map<string, Figures>();
    for (const { name, run } of shuffled(measurements)) {
      if (failures.has(name)) continue;
      try {
        round.set(name, await run());
      } catch (error) {
        failures.set(name, messageOf(error));
      }
    }
    rounds.push(round);
    longestRoundMs = Math.max(longestRoundMs, performance.now() - roundStartMs);
  }
  return { rounds, failures };
}

/** Text about a measurement, or about two. */
export type Quantity =
  | { readonly kind: 'value'; readonly of: string; readonly figure: FigureKey }
  | {
      readonly kind: 'ratio';
      readonly of: string;
      readonly to: string;
      readonly figure: FigureKey;
    };

function inRound(quantity: Quantity, round: Round): number | undefined {
  const { of, figure } = quantity;
  const value = round.get(of)?.[figure];
  if (quantity.kind === 'value' || value === undefined) return value;
  const base = round.get(quantity.to)?.[figure];
  return base === undefined ? undefined : value / base;
}

/** Over the rounds that have it. */
export function spreadIn(rounds: readonly Round[], quantity: Quantity): Spread | undefined {
  return spreadOf(rounds.flatMap((round) => inRound(quantity, round) ?? []));
}
