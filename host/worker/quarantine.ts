// SPDX-License-Identifier: Apache-2.0
// The quarantine of handlers that fail repeatedly: for a while their calls fail at once. All
// threads share what is known of them; a container's handlers are its own, so that no container can
// have another's quarantined.
import {
  failureWeight,
  firstBackOffMs,
  maxBackOffMs,
  quarantineLevel,
  quarantineWord,
} from '../border/quarantine.ts';
import { maxPlaces } from '../counting/container-places.ts';
import type { ContainerPlace } from '../counting/container-places.ts';
import { IndexPool } from '../counting/index-pool.ts';

/** Of all containers together; those of a container that are past it share its own place. */
export const maxHandlers = 16_384;
/** Of users' containers, all together and of one user: root's always have some. */
const maxHandlersOfUsers = maxHandlers / 2;
const maxHandlersOfUser = maxHandlersOfUsers / 4;
/** Behind those of handlers: one for each container, and the one that is shared past the last. */
const maxStates = maxHandlers + maxPlaces + 1;
/** Beside its deadline, for a call that tries a handler: then another one may. */
const trySlackMs = 1000;

/** Milliseconds since the machine started, the same in all threads. */
function uptimeMs(): bigint {
  return process.hrtime.bigint() / 1_000_000n;
}

/** Buffers of all threads. */
export interface QuarantineBuffers {
  readonly states: SharedArrayBuffer;
  readonly ends: SharedArrayBuffer;
}

export function makeQuarantineBuffers(): QuarantineBuffers {
  return {
    states: new SharedArrayBuffer(maxStates * quarantineWord.words * Int32Array.BYTES_PER_ELEMENT),
    ends: new SharedArrayBuffer(maxStates * BigInt64Array.BYTES_PER_ELEMENT),
  };
}

/** The states of handlers by their indexes, seen from one thread. */
export class Quarantine {
  readonly #states: Int32Array;
  /** When each quarantine ends, in `uptimeMs`, or how long one call may try it; 0: there is none. */
  readonly #ends: BigInt64Array;

  constructor({ states, ends }: QuarantineBuffers) {
    this.#states = new Int32Array(states);
    this.#ends = new BigInt64Array(ends);
  }

  /**
   * Whether the handler may be asked. When its quarantine has ended, one call tries it; the others
   * fail until that one is through, or has taken longer than it may.
   */
  mayAsk(handler: number, deadlineMs: number): boolean {
    const first = handler * quarantineWord.words;
    if ((this.#states[first + quarantineWord.level] ?? 0) < quarantineLevel) return true;
    const end = Atomics.load(this.#ends, handler);
    // just about to begin, or cleared by another thread
    if (end === 0n) return true;
    const now = uptimeMs();
    if (now < end) return false;
    const tryEnd = now + BigInt(Math.ceil(deadlineMs) + trySlackMs);
    if (Atomics.compareExchange(this.#ends, handler, end, tryEnd) !== end) return false;
    Atomics.store(this.#states, first + quarantineWord.isTried, 1);
    return true;
  }

  /** A call has failed at what is not the handler's: where that was the one that tried it, the next may. */
  left(handler: number): void {
    const first = handler * quarantineWord.words;
    if ((this.#states[first + quarantineWord.level] ?? 0) < quarantineLevel) return;
    if (Atomics.exchange(this.#states, first + quarantineWord.isTried, 0) === 0) return;
    Atomics.store(this.#ends, handler, uptimeMs());
  }

  /** To be called after each good answer: it costs a read when all is well. */
  succeeded(handler: number): void {
    const first = handler * quarantineWord.words;
    const level = this.#states[first + quarantineWord.level] ?? 0;
    if (level === 0) return;
    if (level >= quarantineLevel) {
      // a call that was asked before the quarantine began says nothing of those after
      if (Atomics.load(this.#states, first + quarantineWord.isTried) !== 0) this.clear(handler);
      return;
    }
    // in a shared place the good ones would make up for the bad one
    if (handler >= maxHandlers) return;
    // where another thread was quicker, its count is as good
    Atomics.compareExchange(this.#states, first + quarantineWord.level, level, level - 1);
  }

  /**
   * The addon counts exceeded deadlines (native/receiver/quarantine.cc): one alone is enough.
   * @returns milliseconds of the quarantine; 0: none
   */
  failed(handler: number): number {
    if (handler < 0 || handler >= maxStates) return 0;
    const first = handler * quarantineWord.words;
    const before = Atomics.add(this.#states, first + quarantineWord.level, failureWeight);
    if (before + failureWeight < quarantineLevel) return 0;
    const hasTried = Atomics.exchange(this.#states, first + quarantineWord.isTried, 0) !== 0;
    // others that were asked before it began fail too
    if (!hasTried && uptimeMs() < Atomics.load(this.#ends, handler)) return 0;
    const last = Atomics.load(this.#states, first + quarantineWord.backOffMs);
    const backOffMs = last === 0 ? firstBackOffMs : Math.min(2 * last, maxBackOffMs);
    Atomics.store(this.#states, first + quarantineWord.backOffMs, backOffMs);
    Atomics.store(this.#ends, handler, uptimeMs() + BigInt(backOffMs));
    return backOffMs;
  }

  /** Forgets all about a handler. */
  clear(handler: number): void {
    this.#states.fill(0, handler * quarantineWord.words, (handler + 1) * quarantineWord.words);
    Atomics.store(this.#ends, handler, 0n);
  }

  isQuarantined(handler: number): boolean {
    if (handler < 0 || handler >= maxStates) return false;
    return Atomics.load(this.#ends, handler) !== 0n;
  }
}

/** Of one container. */
interface Taken {
  /** By the places of handlers in the chain, as the next one. */
  readonly indexes: number[];
  readonly names: string[];
}

/** In the main thread: which indexes are whose. All listeners of a container have the same ones. */
export class Quarantines {
  readonly buffers: QuarantineBuffers = makeQuarantineBuffers();
  readonly quarantine: Quarantine = new Quarantine(this.buffers);
  readonly #indexes = new IndexPool(maxHandlers);
  /** By the tokens of containers. */
  readonly #taken: Map<number, Taken> = new Map();
  readonly #ofUsers: Map<number, number> = new Map();

  /**
   * Indexes for a listener's handlers; when there are none left, the one of the container itself. A
   * handler that comes in another one's place begins anew.
   * @param names what tells handlers apart
   */
  take(own: ContainerPlace, names: readonly string[]): readonly number[] {
    const taken = this.#taken.get(own.token) ?? { indexes: [], names: [] };
    this.#taken.set(own.token, taken);
    return names.map((name, at) => {
      const index = (taken.indexes[at] ??= this.#indexFor(own));
      const before = taken.names[at] ?? name;
      // what is past the last place is also others'
      if (before !== name && index < maxStates - 1) this.quarantine.clear(index);
      taken.names[at] = name;
      return index;
    });
  }

  /** Another container may have its place. */
  forget({ token, place, user }: ContainerPlace): void {
    for (const index of this.#taken.get(token)?.indexes ?? []) {
      if (index >= maxHandlers) continue;
      this.quarantine.clear(index);
      this.#indexes.giveBack(index);
      this.#count(user, -1);
    }
    this.#taken.delete(token);
    if (place < maxPlaces) this.quarantine.clear(maxHandlers + place);
  }

  /** Number of quarantined handlers. */
  count(): number {
    let quarantined = 0;
    for (let index = 0; index < this.#indexes.end; index += 1) {
      if (this.quarantine.isQuarantined(index)) quarantined += 1;
    }
    return quarantined;
  }

  #indexFor({ place, user }: ContainerPlace): number {
    const index = this.#mayHaveOneMore(user) ? this.#indexes.take() : maxHandlers;
    if (index >= maxHandlers) return maxHandlers + place;
    this.#count(user, 1);
    return index;
  }

  #mayHaveOneMore(user: number): boolean {
    if (user === 0) return true;
    const ofAll = [...this.#ofUsers.values()].reduce((sum, count) => sum + count, 0);
    return ofAll < maxHandlersOfUsers && (this.#ofUsers.get(user) ?? 0) < maxHandlersOfUser;
  }

  #count(user: number, more: number): void {
    if (user === 0) return;
    const count = (this.#ofUsers.get(user) ?? 0) + more;
    if (count > 0) this.#ofUsers.set(user, count);
    else this.#ofUsers.delete(user);
  }
}
