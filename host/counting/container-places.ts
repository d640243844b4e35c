// SPDX-License-Identifier: Apache-2.0
// In the main thread: by what a container is known where something is counted for it, which all of
// its listeners have in common. Each program that is executed in it may be the only one that has a
// listener, so it is remembered for a while without any: what it has used up, it has used up.
import type { ContainerKey } from '../agent-socket/container-key.ts';
import { IndexPool } from './index-pool.ts';

/** Containers past them share one more. */
export const maxPlaces = 16_384;
/** Of users' containers, all together: root's always have some. */
const maxUsersPlaces = maxPlaces / 2;
/** Longer than a handler is quarantined. */
const rememberedMs = 120_000;
/** Containers without listeners, of root and of all users together. */
const maxRemembered = { root: 1024, users: 256 } as const;

/** By what a container is known. */
export interface ContainerPlace {
  /** Never another container's. */
  readonly token: number;
  /** An index in what all threads share: another container may have it once this one is forgotten. */
  readonly place: number;
  /** User that sent its listeners. */
  readonly user: number;
}

type Kind = keyof typeof maxRemembered;

interface Known {
  readonly own: ContainerPlace;
  listeners: number;
}

interface Ended {
  readonly known: Known;
  readonly since: number;
}

/** A listener of a container, until it is disposed of. */
export interface PlacedListener extends Disposable {
  readonly own: ContainerPlace;
}

export interface ContainerPlacesParts {
  /** Told of a container that is not remembered any more. */
  readonly onForgotten: (own: ContainerPlace) => void;
  readonly now?: () => number;
}

export class ContainerPlaces {
  readonly #parts: ContainerPlacesParts;
  readonly #now: () => number;
  readonly #indexes = new IndexPool(maxPlaces);
  readonly #living: Map<ContainerKey, Known> = new Map();
  /** Those that ended first come first. */
  readonly #ended = {
    root: new Map<ContainerKey, Ended>(),
    users: new Map<ContainerKey, Ended>(),
  };
  #usersPlaces = 0;
  #lastToken = 0;

  constructor(parts: ContainerPlacesParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => performance.now());
  }

  /**
   * One more listener.
   * @param user who has sent it: the same for all of the container
   */
  enter(key: ContainerKey, user: number): PlacedListener {
    this.#forgetOld();
    const known = this.#living.get(key) ?? this.#comeAgain(key, user) ?? this.#meet(user);
    known.listeners += 1;
    this.#living.set(key, known);
    return {
      own: known.own,
      [Symbol.dispose]: () => {
        this.#leave(key);
      },
    };
  }

  #leave(key: ContainerKey): void {
    this.#forgetOld();
    const known = this.#living.get(key);
    if (known === undefined) return;
    known.listeners -= 1;
    if (known.listeners > 0) return;
    this.#living.delete(key);
    const kind = kindOf(known.own.user);
    const ended = this.#ended[kind];
    ended.set(key, { known, since: this.#now() });
    const [oldest = key] = ended.keys();
    if (ended.size > maxRemembered[kind]) this.#forget(kind, oldest);
  }

  #comeAgain(key: ContainerKey, user: number): Known | undefined {
    const ended = this.#ended[kindOf(user)];
    const known = ended.get(key)?.known;
    ended.delete(key);
    return known;
  }

  #meet(user: number): Known {
    this.#lastToken += 1;
    const isPast = user !== 0 && this.#usersPlaces >= maxUsersPlaces;
    const place = isPast ? maxPlaces : this.#indexes.take();
    if (user !== 0 && place < maxPlaces) this.#usersPlaces += 1;
    return { own: { token: this.#lastToken, place, user }, listeners: 0 };
  }

  #forgetOld(): void {
    const before = this.#now() - rememberedMs;
    for (const kind of ['root', 'users'] as const) {
      for (const [key, { since }] of this.#ended[kind]) {
        if (since > before) break;
        this.#forget(kind, key);
      }
    }
  }

  #forget(kind: Kind, key: ContainerKey): void {
    const own = this.#ended[kind].get(key)?.known.own;
    if (own === undefined) return;
    this.#ended[kind].delete(key);
    this.#indexes.giveBack(own.place);
    if (own.user !== 0 && own.place < maxPlaces) this.#usersPlaces -= 1;
    this.#parts.onForgotten(own);
  }
}

function kindOf(user: number): Kind {
  return user === 0 ? 'root' : 'users';
}
