// SPDX-License-Identifier: Apache-2.0
// Containers whose calls fail since their agent has ended: those of agents before this one, and the
// file by which the next agent knows this one's.
import type { FirstPids } from '../agent-socket/first-pids.ts';
import type { Log } from '../log/log.ts';
import type { Native } from '../native.ts';
import { agentEndedNote } from '../registry/container-note.ts';
import type { Attachments } from './attachments.ts';
import type { Containers } from './containers.ts';
import { EndedAgents } from './ended-agents.ts';
import { ServedFile } from './served-file.ts';

export interface SuccessionParts {
  /** The agent socket. */
  readonly socket: string;
  readonly log: Log;
  readonly containers: Containers;
  readonly native: Pick<Native, 'processIdentity'>;
  readonly firstPids: FirstPids;
  readonly attachments: Attachments;
}

export class Succession implements Disposable {
  readonly #served: ServedFile;
  readonly #ended: EndedAgents;

  constructor({ socket, log, native, containers, firstPids, attachments }: SuccessionParts) {
    const parts = { socket, log, identityOf: native.processIdentity };
    this.#served = new ServedFile({ ...parts, containers: () => containers.served(firstPids) });
    this.#ended = new EndedAgents({
      ...parts,
      tell: ({ workload }) =>
        attachments.resolver.kubernetes?.noteWorkload(workload, agentEndedNote) ?? true,
    });
  }

  /** Containers have come, changed or gone. */
  changed(): void {
    this.#served.changed();
  }

  /** Other agents' containers are left to the next agent. */
  stopLooking(): void {
    this.#ended[Symbol.dispose]();
  }

  /** The containers of now are left to the next agent. */
  [Symbol.dispose](): void {
    this.stopLooking();
    this.#served[Symbol.dispose]();
  }
}
