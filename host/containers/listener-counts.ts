// SPDX-License-Identifier: Apache-2.0
// Numbers of listeners by user and container: each takes memory and a descriptor of the agent, and
// nobody is to use up what others need.
import { keyOf } from '../agent-socket/container-key.ts';
import type { ContainerKey } from '../agent-socket/container-key.ts';
import { AgentError } from '../errors.ts';
import { memoryLimit } from '../process/memory-limit.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import { stateBytes } from './kept-bytes.ts';
import type { KeptBytes } from './kept-bytes.ts';

export interface ListenerLimits {
  /** Of one user's containers; root has no limit. */
  readonly perUser: number;
  /** Of one container: its first process has one, and so has each that is executed in it. */
  readonly perContainer: number;
  /** Of all that is kept of the containers of one user. */
  readonly userBytes: number;
  /** Of one container of root. */
  readonly containerBytes: number;
}

const mebibyte = 2 ** 20;
const defaultLimits: ListenerLimits = {
  perUser: 1000,
  perContainer: 250,
  userBytes: 32 * mebibyte,
  containerBytes: 16 * mebibyte,
};
/** Of what a container says of itself: its id, its metadata, its folder. */
const maxTextBytes = 64 * 1024;
/** Of what the agent may have, for all that is kept of users' containers, and for that of root's. */
const partOfAll = 1 / 8;
/** Beside it, so much is divided evenly: who has little comes in where others have filled the rest. */
const partDivided = 1 / 16;
/** For how long a user has no more listeners who has kept the agent waiting at one. */
const bannedMs = 10 * 60_000;

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

  get size(): number {
    return this.#counts.size;
  }

  of(key: Key): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: Key, more: number): void {
    const count = this.of(key) + more;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}

/** Bytes that are kept of several: of users, or of containers. */
class Accounts {
  readonly #max: number;
  readonly #ofAll: string;
  readonly #bytes: Counts<string> = new Counts();
  /** Listeners that have the same in common, by whose it is and by what it is. */
  readonly #common: Counts<string> = new Counts();
  #sum = 0;

  constructor(max: number, ofAll: string) {
    this.#max = max;
    this.#ofAll = ofAll;
  }

  /**
   * @param before what is not kept any more
   * @throws AgentError AGENT_LISTENER: that is too much, and nothing has changed
   */
  replace(name: string, before: KeptBytes, after: KeptBytes): void {
    const had = this.#bytes.of(name);
    this.#keep(name, after);
    this.#release(name, before);
    const refusal = this.#bytes.of(name) > had ? this.#refusalOf(name) : undefined;
    if (refusal === undefined) return;
    this.#keep(name, before);
    this.#release(name, after);
    refuse(refusal);
  }

  #keep(name: string, { own, common }: KeptBytes): void {
    this.#add(name, own);
    for (const [digest, bytes] of common) {
      const key = `${name} ${digest}`;
      if (this.#common.of(key) === 0) this.#add(name, bytes);
      this.#common.add(key, 1);
    }
  }

  #release(name: string, { own, common }: KeptBytes): void {
    this.#add(name, -own);
    for (const [digest, bytes] of common) {
      const key = `${name} ${digest}`;
      this.#common.add(key, -1);
      if (this.#common.of(key) === 0) this.#add(name, -bytes);
    }
  }

  /** Undefined: it is not too much. */
  #refusalOf(name: string): string | undefined {
    const bytes = this.#bytes.of(name);
    if (bytes > this.#max) {
      return `what is kept of ${name} has more than ${this.#max} bytes: give them fewer annotations and settings, and shorter ones`;
    }
    const limit = memoryLimit();
    if (this.#sum <= limit * partOfAll) return undefined;
    if (bytes <= (limit * partDivided) / this.#bytes.size) return undefined;
    return `what is kept of ${this.#ofAll} has too many bytes for the agent`;
  }

  #add(name: string, more: number): void {
    this.#bytes.add(name, more);
    this.#sum += more;
  }
}

/** Counts of one listener, until it is disposed of. */
export interface CountedListener extends Disposable {
  /**
   * That is kept of it, in place of what was before.
   * @throws AgentError AGENT_LISTENER: that is too much
   */
  keep(bytes: KeptBytes): void;
  /**
   * Of the looks at its mounts, in place of what was before.
   * @throws AgentError AGENT_LISTENER: that is too much
   */
  keepLooks(bytes: number): void;
}

const nothing: KeptBytes = { own: 0, common: [] };

export class ListenerCounts {
  readonly #limits: ListenerLimits;
  readonly #ofUsers: Counts<number> = new Counts();
  readonly #ofContainers: Counts<ContainerKey> = new Counts();
  /** By user, until when, in the time of `performance.now()`. */
  readonly #banned: Map<number, number> = new Map();
  readonly #bytesOfUsers: Accounts;
  readonly #bytesOfRoot: Accounts;

  constructor(limits: Partial<ListenerLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
    const { userBytes, containerBytes } = this.#limits;
    this.#bytesOfUsers = new Accounts(userBytes, 'the containers of all users');
    this.#bytesOfRoot = new Accounts(containerBytes, 'all containers of root');
  }

  /** @throws AgentError AGENT_LISTENER: there are too many, or it says too much */
  enter(holder: Holder): CountedListener {
    const { peerUid = 0, state } = holder;
    const { perUser, perContainer } = this.#limits;
    if (bytesOf(plainTexts(holder)) > maxTextBytes) {
      refuse(`its id and its metadata have more than ${maxTextBytes} bytes`);
    }
    if ((this.#banned.get(peerUid) ?? 0) > performance.now()) {
      refuse(`user ${peerUid} has received from the listeners of his containers himself`);
    }
    if (this.#ofContainers.of(keyOf(holder)) >= perContainer) {
      refuse(`container ${state.containerId} has ${perContainer} listeners, and may have no more`);
    }
    if (peerUid !== 0 && this.#ofUsers.of(peerUid) >= perUser) {
      refuse(`the containers of user ${peerUid} have ${perUser} listeners, and may have no more`);
    }
    const counted = this.#counted(holder);
    this.#ofUsers.add(peerUid, 1);
    this.#ofContainers.add(keyOf(holder), 1);
    return counted;
  }

  /** Others receive from one of its listeners, too: each such listener costs everybody a moment. */
  noteShared({ peerUid = 0 }: Holder): void {
    if (peerUid !== 0) this.#banned.set(peerUid, performance.now() + bannedMs);
  }

  #counted(holder: Holder): CountedListener {
    const { peerUid = 0, state } = holder;
    const [accounts, name] =
      peerUid === 0
        ? [this.#bytesOfRoot, `container ${state.containerId}`]
        : [this.#bytesOfUsers, `the containers of user ${peerUid}`];
    const ofState = { own: stateBytes(state), common: [] };
    accounts.replace(name, nothing, ofState);
    let kept = nothing;
    let looks = nothing;
    return {
      keep: (bytes) => {
        accounts.replace(name, kept, bytes);
        kept = bytes;
      },
      keepLooks: (bytes) => {
        const after = { own: bytes, common: [] };
        accounts.replace(name, looks, after);
        looks = after;
      },
      [Symbol.dispose]: () => {
        accounts.replace(name, kept, nothing);
        accounts.replace(name, looks, nothing);
        accounts.replace(name, ofState, nothing);
        this.#ofUsers.add(peerUid, -1);
        this.#ofContainers.add(keyOf(holder), -1);
      },
    };
  }
}
