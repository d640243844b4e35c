// SPDX-License-Identifier: Apache-2.0
// Recordings of containers: whose calls are meant by a name, and from when on until when.
import { keyOf } from '../agent-socket/container-key.ts';
import type { ContainerKey } from '../agent-socket/container-key.ts';
import type { StopRecording } from '../control/recording-request.ts';
import { AgentError } from '../errors.ts';
import type { Tap, Tapes } from '../recording/tapes.ts';
import type { Attached } from './attached.ts';
import type { Containers } from './containers.ts';

export interface RecordingsParts {
  readonly containers: Containers;
  readonly tapes: Tapes;
}

/** Of containers that a name may mean. */
const maxListed = 10;

type Listener = readonly [token: number, attached: Attached];

export class Recordings {
  readonly #parts: RecordingsParts;

  constructor(parts: RecordingsParts) {
    this.#parts = parts;
  }

  /**
   * Tells of all calls of a container, also of one that is still to come, until it ends. Root's
   * containers count before containers that users have given the same id.
   * @param named the id of one that is to come; the beginning is enough for one that is there
   * @returns ends it before
   * @throws AgentError AGENT_RECORDING: there is no such container, or several are meant
   */
  record(named: string, tap: Tap, isExpected: 'there' | 'to come'): StopRecording {
    const { containers, tapes } = this.#parts;
    const containerId = isExpected === 'there' ? this.#idBeginning(named) : named;
    const peerUid = this.#ownerOf(containerId);
    if (peerUid === undefined && isExpected === 'there') {
      throw new AgentError('AGENT_RECORDING', `there is no container "${containerId}"`);
    }
    const key = keyOf({ state: { containerId }, peerUid: peerUid ?? 0 });
    tapes.add(key, tap);
    for (const [token] of this.#listenersOf(key)) containers.offerAgain(token);
    return async (reason) => {
      tapes.leave(tap);
      for (const [token] of this.#listenersOf(key)) containers.retape(token);
      await tapes.finish(tap, reason);
    };
  }

  /**
   * The id of the only container of root's that begins so, else of users'. An id that is written in
   * full counts before all others, also where root has no such container.
   * @throws AgentError AGENT_RECORDING: there are several
   */
  #idBeginning(named: string): string {
    const beginning = this.#listeners().filter(([, { registry }]) =>
      registry.containerId.startsWith(named),
    );
    const ofRoot = beginning.filter(([, { identity }]) => (identity.peerUid ?? 0) === 0);
    if (named === '' || idsOf(beginning).includes(named)) return named;
    const ids = idsOf(ofRoot.length > 0 ? ofRoot : beginning);
    if (ids.length > 1) {
      const shown = ids.slice(0, maxListed).join(', ');
      const rest = ids.length > maxListed ? ` and ${ids.length - maxListed} more` : '';
      throw new AgentError('AGENT_RECORDING', `"${named}" may be any of ${shown}${rest}`);
    }
    return ids[0] ?? named;
  }

  /** Undefined: there is no such container. @throws AgentError AGENT_RECORDING */
  #ownerOf(containerId: string): number | undefined {
    const named = this.#listeners().filter(
      ([, { registry }]) => registry.containerId === containerId,
    );
    const owners = new Set(named.map(([, { identity }]) => identity.peerUid ?? 0));
    if (owners.has(0)) return 0;
    if (owners.size > 1) {
      const users = [...owners].join(', ');
      throw new AgentError('AGENT_RECORDING', `users ${users} have a container "${containerId}"`);
    }
    return [...owners][0];
  }

  #listenersOf(key: ContainerKey): readonly Listener[] {
    return this.#listeners().filter(([, { identity }]) => keyOf(identity) === key);
  }

  #listeners(): readonly Listener[] {
    return this.#parts.containers.all();
  }
}

function idsOf(listeners: readonly Listener[]): readonly string[] {
  return [...new Set(listeners.map(([, { registry }]) => registry.containerId))];
}
