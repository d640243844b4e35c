// SPDX-License-Identifier: Apache-2.0
// The thread that handlers are measured on, which is ended when one of them does not come back.
import { parentPort, workerData } from 'node:worker_threads';

import { AgentError } from '../errors.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import { makeQuarantineBuffers, Quarantine } from '../worker/quarantine.ts';
import { Syscalls } from '../syscalls/syscalls.ts';
import type { Registry } from '../registry/registry.ts';
import { measure } from './measured-chain.ts';
import type { Measured, MeasuringTimes } from './measured-chain.ts';
import type { RecordedCall } from '../recording/recorded-call.ts';

export interface BenchTask {
  readonly registry: Registry;
  readonly components: readonly LoadedComponent[];
  readonly calls: readonly RecordedCall[];
  readonly times: MeasuringTimes;
}

export type BenchMessage =
  | { readonly kind: 'round' }
  | { readonly kind: 'measured'; readonly measured: readonly Measured[] };

const intervalMs = 200;

const { registry, components, calls, times }: BenchTask = workerData;
const byId = new Map(components.map((component) => [component.id, component]));
const send = (message: BenchMessage): void => {
  parentPort?.postMessage(message);
};
let toldAt = 0;
const measured = measure(
  {
    registry,
    redaction: 'redacted',
    syscalls: new Syscalls(),
    health: new Quarantine(makeQuarantineBuffers()),
    component: (id) => {
      const found = byId.get(id);
      if (found === undefined) throw new AgentError('AGENT_HANDLER_FAILED', `no component ${id}`);
      return found;
    },
  },
  calls,
  {
    times,
    onRound: () => {
      if (performance.now() - toldAt < intervalMs) return;
      toldAt = performance.now();
      send({ kind: 'round' });
    },
  },
);
send({ kind: 'measured', measured });
