// SPDX-License-Identifier: Apache-2.0
// The metrics of an agent, from the parts that count.
import type { CounterSum } from '../counting/counter-sum.ts';
import { figure } from '../counting/counters.ts';
import type { Native, ReceiverHandle } from '../native.ts';
import { watchMetrics } from '../observation/watch-metrics.ts';
import type { Observers } from '../observation/observers.ts';
import { packageVersion } from '../package-root.ts';
import type { Shadows } from '../replay/shadows.ts';
import type { Quarantines } from '../worker/quarantine.ts';
import { Metrics } from './metrics.ts';

export interface CountingParts {
  readonly native: Pick<Native, 'receiverFigures'>;
  readonly receiver: ReceiverHandle;
  readonly counters: CounterSum;
  readonly quarantines: Quarantines;
  readonly shadows: Shadows;
  readonly observers: Observers;
}

export function agentMetrics(parts: CountingParts): Metrics {
  const { native, receiver, counters, quarantines, shadows, observers } = parts;
  const figures = new BigUint64Array(figure.count);
  const bytes = new Uint8Array(figures.buffer);
  const metrics = new Metrics({
    version: packageVersion(),
    figures: () => {
      native.receiverFigures(receiver, bytes);
      return figures;
    },
    counters,
    quarantined: () => quarantines.count(),
    shadows: () => shadows.counts(),
  });
  metrics.register(watchMetrics(() => observers.counts));
  return metrics;
}
