// SPDX-License-Identifier: Apache-2.0
// Status and figures of attached containers, for the control socket.
import { figuresOf } from '../control/figures.ts';
import type { ContainerFigures } from '../control/figures.ts';
import type { ContainerStatus } from '../control/status.ts';
import type { CounterSum } from '../counting/counter-sum.ts';
import type { CallCounts } from '../counting/counters.ts';
import { digestOf } from '../handler/direct.ts';
import type { Workload } from '../agent-socket/workload.ts';
import type { Registry } from '../registry/registry.ts';
import type { Shadows } from '../replay/shadows.ts';
import type { Quarantine } from '../worker/quarantine.ts';
import type { Attached } from './attached.ts';
import type { Containers } from './containers.ts';

export interface ContainerStatusesParts {
  readonly containers: Containers;
  readonly counters: CounterSum;
  readonly shadows: Shadows;
  readonly quarantine: Quarantine;
}

type CountedCalls = readonly { readonly counts: CallCounts }[];

export class ContainerStatuses {
  readonly #parts: ContainerStatusesParts;

  constructor(parts: ContainerStatusesParts) {
    this.#parts = parts;
  }

  /** One by one, as they are asked for: all together they may be large. */
  *all(): Generator<ContainerStatus> {
    const { containers, counters } = this.#parts;
    const rows = counters.containers();
    for (const [token, attached] of containers.all()) {
      yield this.#statusOf(token, attached, rows.get(token));
    }
  }

  /** As `all`, with counts until now. */
  figures(): Iterable<ContainerFigures> {
    const { containers, counters } = this.#parts;
    const rows = counters.containers();
    return figuresOf(
      containers.all().map(([token, attached]) => ({
        id: attached.registry.containerId,
        ...peerOf(attached),
        status: () => this.#statusOf(token, attached, rows.get(token)),
        rows: rows.get(token) ?? [],
      })),
    );
  }

  #statusOf(token: number, attached: Attached, rows: CountedCalls = []): ContainerStatus {
    const { registry, since, bundles, refusal, quarantine } = attached;
    const shadow = this.#parts.shadows.statusOf(token, attached.shadow);
    return {
      id: registry.containerId,
      ...namesOf(registry),
      ...peerOf(attached),
      calls: rows.reduce((sum, { counts }) => sum + counts.calls, 0),
      since: since.toISOString(),
      bundles,
      handlers: registry.handlers.map(({ name, bundle, component }, index) => ({
        name,
        digest: `sha256:${digestOf(component)}`,
        ...(bundle === undefined ? {} : { bundle }),
        isQuarantined: this.#parts.quarantine.isQuarantined(quarantine[index] ?? -1),
      })),
      ...(refusal === undefined ? {} : { refusal }),
      ...(shadow === undefined ? {} : { shadow }),
    };
  }
}

function peerOf({ identity: { peerUid } }: Attached): Pick<ContainerStatus, 'peerUid'> {
  return peerUid === undefined ? {} : { peerUid };
}

function namesOf({ workload = {} }: Registry): Pick<Workload, 'namespace' | 'pod' | 'container'> {
  const { namespace, pod, container } = workload;
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(pod === undefined ? {} : { pod }),
    ...(container === undefined ? {} : { container }),
  };
}
