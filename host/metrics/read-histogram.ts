// SPDX-License-Identifier: Apache-2.0
// A histogram whose counts are made elsewhere and read when they are asked for.
import { Histogram } from 'prom-client';

import { bucketBoundsSeconds } from '../counting/counters.ts';
import type { Durations } from '../counting/counters.ts';

export interface LabelledDurations<T extends string> {
  readonly labels: Readonly<Record<T, string>>;
  readonly durations: Durations;
}

export interface ReadHistogramParts<T extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly T[];
  /** Called for each text; must not give the same labels twice. */
  readonly read: () => readonly LabelledDurations<T>[];
}

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly sharedLabels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** prom-client's own takes single observations only: a million calls were a million of them. */
export class ReadHistogram<T extends string> extends Histogram<T> {
  readonly #parts: ReadHistogramParts<T>;

  constructor(parts: ReadHistogramParts<T>) {
    super({ name: parts.name, help: parts.help, labelNames: parts.labelNames, registers: [] });
    this.#parts = parts;
  }

  /** The method that prom-client's registry and `get` call; the types leave it out. */
  async getForPromString(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly aggregator: string;
    readonly values: readonly Sample[];
  }> {
    const { name, help, read } = this.#parts;
    const values = read().flatMap((labelled) => samplesOf(name, labelled));
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }
}

function samplesOf(
  name: string,
  { labels: sharedLabels, durations }: LabelledDurations<string>,
): readonly Sample[] {
  let count = 0;
  const bounds = [...bucketBoundsSeconds.map(String), '+Inf'];
  const buckets = bounds.map((le, index): Sample => {
    count += durations.buckets[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: count };
  });
  // not a count of its own, which may differ while calls are being answered
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, sharedLabels, value: durations.sumSeconds },
    { metricName: `${name}_count`, labels: {}, sharedLabels, value: count },
  ];
}
