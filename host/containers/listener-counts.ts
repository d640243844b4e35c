// SPDX-License-Identifier: Apache-2.0
// How many listeners are held for whom: each takes memory and a descriptor of the agent, and nobody is
// to use up what others need.
import { keyOf } from '../container-key.ts';
import type { ContainerKey } from '../container-key.ts';
import { AgentError } from '../errors.ts';
import type { ContainerIdentity } from '../registry/resolver.ts';

export interface ListenerLimits {
  /** Of one user's containers; root has no limit. */
  readonly perUser: number;
  /** Of one container: its first process has one, and so has each that is executed in it. */
  readonly perContainer: number;
}

const defaultLimits: ListenerLimits = { perUser: 1000, perContainer: 250 };
/** Of all else that is kept of a container: its id, its metadata, its folder. */
const mostTextBytes = 64 * 1024;

/** Of all containers of one user together, annotations too; root has no limit. */
const mostUserBytes = 16 * 1024 * 1024;
/** What an annotation takes besides its text. */
const entryBytes = 128;

type Holder = Pick<ContainerIdentity, 'peerUid' | 'state'>;

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function plainTexts({ state }: Holder): readonly string[] {
  return [state.containerId, state.metadata, state.ociBundle, state.status];
}

/** What is held in memory of a container's state, about. */
function heldBytes(holder: Holder): number {
  const { annotations } = holder.state;
  return (
    bytesOf(plainTexts(holder)) + bytesOf([...annotations].flat()) + annotations.size * entryBytes
  );
}

function refuse(what: string): never {
  throw new AgentError('AGENT_LISTENER', `listener refused: ${what}`);
}

class Counts<Key> {
  readonly #counts: Map<Key, number> = new Map();

  of(key: Key): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: Key, more: number): void {
    const count = this.of(key) + more;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}

export class ListenerCounts {
  readonly #limits: ListenerLimits;
  readonly #ofUsers: Counts<number> = new Counts();
  readonly #bytesOfUsers: Counts<number> = new Counts();
  readonly #ofContainers: Counts<ContainerKey> = new Counts();

  constructor(limits: Partial<ListenerLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  /** @throws AgentError AGENT_LISTENER: there are too many, or it says too much */
  enter(holder: Holder): void {
    const { peerUid = 0, state } = holder;
    const { perUser, perContainer } = this.#limits;
    if (bytesOf(plainTexts(holder)) > mostTextBytes) {
      refuse(`its id and its metadata have more than ${mostTextBytes} bytes`);
    }
    if (this.#ofContainers.of(keyOf(holder)) >= perContainer) {
      refuse(`container ${state.containerId} has ${perContainer} listeners, and may have no more`);
    }
    if (peerUid !== 0 && this.#ofUsers.of(peerUid) >= perUser) {
      refuse(`the containers of user ${peerUid} have ${perUser} listeners, and may have no more`);
    }
    const bytes = heldBytes(holder);
    if (peerUid !== 0 && this.#bytesOfUsers.of(peerUid) + bytes > mostUserBytes) {
      refuse(
        `what the containers of user ${peerUid} say of themselves has more than ${mostUserBytes} bytes: give them fewer annotations and shorter metadata`,
      );
    }
    this.#bytesOfUsers.add(peerUid, bytes);
    this.#ofUsers.add(peerUid, 1);
    this.#ofContainers.add(keyOf(holder), 1);
  }

  /** One that has entered has ended. */
  leave(holder: Holder): void {
    this.#bytesOfUsers.add(holder.peerUid ?? 0, -heldBytes(holder));
    this.#ofUsers.add(holder.peerUid ?? 0, -1);
    this.#ofContainers.add(keyOf(holder), -1);
  }
}
