// SPDX-License-Identifier: Apache-2.0
// How many listeners are held for whom: each takes memory and a descriptor of the agent, and nobody is
// to use up what others need.
import { keyOf } from '../container-key.ts';
import type { ContainerKey } from '../container-key.ts';
import { AgentError } from '../errors.ts';
import { memoryLimit } from '../memory-limit.ts';
import type { ContainerIdentity } from '../registry/resolver.ts';
import { stateBytes } from './kept-bytes.ts';

export interface ListenerLimits {
  /** Of one user's containers; root has no limit. */
  readonly perUser: number;
  /** Of one container: its first process has one, and so has each that is executed in it. */
  readonly perContainer: number;
}

const defaultLimits: ListenerLimits = { perUser: 1000, perContainer: 250 };
/** Of what a container says of itself: its id, its metadata, its folder. */
const mostTextBytes = 64 * 1024;
/** Of all that is kept of the containers of one user; root has no limit. */
const mostUserBytes = 32 * 1024 * 1024;
/** Of those of all users together, of what the agent may have. */
const partOfUsers = 1 / 8;

type Holder = Pick<ContainerIdentity, 'peerUid' | 'state'>;

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function plainTexts({ state }: Holder): readonly string[] {
  return [state.containerId, state.metadata, state.ociBundle, state.status];
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

/** What is counted of one listener, until it is disposed of. */
export interface CountedListener extends Disposable {
  /**
   * More is kept of it.
   * @throws AgentError AGENT_LISTENER: that is too much
   */
  keep(bytes: number): void;
}

export class ListenerCounts {
  readonly #limits: ListenerLimits;
  readonly #ofUsers: Counts<number> = new Counts();
  readonly #bytesOfUsers: Counts<number> = new Counts();
  readonly #ofContainers: Counts<ContainerKey> = new Counts();
  #bytesOfAllUsers = 0;

  constructor(limits: Partial<ListenerLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  /** @throws AgentError AGENT_LISTENER: there are too many, or it says too much */
  enter(holder: Holder): CountedListener {
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
    const bytes = stateBytes(state);
    this.#addBytes(peerUid, bytes);
    this.#ofUsers.add(peerUid, 1);
    this.#ofContainers.add(keyOf(holder), 1);
    return this.#counted(holder, bytes);
  }

  #counted(holder: Holder, first: number): CountedListener {
    const { peerUid = 0 } = holder;
    let bytes = first;
    return {
      keep: (more) => {
        this.#addBytes(peerUid, more);
        bytes += more;
      },
      [Symbol.dispose]: () => {
        this.#addBytes(peerUid, -bytes);
        this.#ofUsers.add(peerUid, -1);
        this.#ofContainers.add(keyOf(holder), -1);
      },
    };
  }

  #addBytes(uid: number, more: number): void {
    if (uid === 0) return;
    if (more > 0) {
      if (this.#bytesOfUsers.of(uid) + more > mostUserBytes) {
        refuse(
          `what is kept of the containers of user ${uid} has more than ${mostUserBytes} bytes: give them fewer annotations and settings, and shorter ones`,
        );
      }
      if (this.#bytesOfAllUsers + more > memoryLimit() * partOfUsers) {
        refuse('what is kept of the containers of all users has too many bytes for the agent');
      }
    }
    this.#bytesOfUsers.add(uid, more);
    this.#bytesOfAllUsers += more;
  }
}
