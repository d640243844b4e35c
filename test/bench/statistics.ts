// SPDX-License-Identifier: Apache-2.0
// Medians of several rounds, and how far the rounds were apart.

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Undefined when there are no values. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = (sorted.length - 1) / 2;
  const low = sorted[Math.floor(middle)];
  const high = sorted[Math.ceil(middle)];
  const least = sorted[0];
  const most = sorted.at(-1);
  if (low === undefined || high === undefined || least === undefined || most === undefined) {
    return undefined;
  }
  return { median: (low + high) / 2, least, most };
}
