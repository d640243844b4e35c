// SPDX-License-Identifier: Apache-2.0
// The metrics of those who watch: what they were told, and what they were not.
import { Counter } from 'prom-client';

import type { WatchCounts } from './observers.ts';

/** @param read asked each time the metrics are */
export function watchMetrics(read: () => WatchCounts): readonly Counter[] {
  const lost = new Counter({
    name: 'seccompagent_decisions_lost_total',
    help: 'Decisions dropped because observers were too slow.',
    registers: [],
    collect() {
      this.reset();
      this.inc(read().lost);
    },
  });
  const audit = new Counter({
    name: 'seccompagent_audit_lines_total',
    help: 'Lines of the audit log, by outcome.',
    labelNames: ['result'],
    registers: [],
    collect() {
      this.reset();
      const { audit: counts } = read();
      if (counts === undefined) return;
      this.inc({ result: 'written' }, counts.written);
      this.inc({ result: 'lost' }, counts.lost);
    },
  });
  const falco = new Counter({
    name: 'seccompagent_falco_events_total',
    help: 'Events for Falco, by destination and outcome.',
    labelNames: ['output', 'result'],
    registers: [],
    collect() {
      this.reset();
      for (const { output, counts } of read().falco) {
        this.inc({ output, result: 'sent' }, counts.sent);
        this.inc({ output, result: 'failed' }, counts.failed);
        this.inc({ output, result: 'lost' }, counts.lost);
      }
    },
  });
  return [lost, audit, falco];
}
