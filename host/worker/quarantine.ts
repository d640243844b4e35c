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
      if (Atomics.load(this.#states, first + quarantineWord.isTried) !== 0) this.#end(handler);
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

  /** One good answer ends it, and does not make up for all before: the next one lasts longer. */
  #end(handler: number): void {
    const first = handler * quarantineWord.words;
    Atomics.store(this.#states, first + quarantineWord.level, 0);
    Atomics.store(this.#states, first + quarantineWord.isTried, 0);
    Atomics.store(this.#ends, handler, 0n);
  }

  /** Others are quarantined as long as this one. */
  spread(handler: number, others: readonly number[]): void {
    const end = Atomics.load(this.#ends, handler);
    const from = handler * quarantineWord.words;
    const backOffMs = Atomics.load(this.#states, from + quarantineWord.backOffMs);
    for (const other of others) {
      if (Atomics.load(this.#ends, other) >= end) continue;
      const first = other * quarantineWord.words;
      Atomics.store(this.#states, first + quarantineWord.backOffMs, backOffMs);
      Atomics.store(this.#states, first + quarantineWord.isTried, 0);
      Atomics.store(this.#ends, other, end);
      Atomics.store(this.#states, first + quarantineWord.level, quarantineLevel);
    }
  }

  /** Once in a while: a handler that is not quarantined is trusted a little more. */
  forgive(handler: number): void {
    if (this.isQuarantined(handler)) return;
    const word = handler * quarantineWord.words + quarantineWord.backOffMs;
    const last = Atomics.load(this.#states, word);
    if (last === 0) return;
    const less = last <= firstBackOffMs ? 0 : last >> 1;
    // where another thread was quicker, it has just failed again
    Atomics.compareExchange(this.#states, word, last, less);
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
  readonly indexes: (number | undefined)[];
  readonly names: string[];
  /** How often handlers did not come to an end, by their components. */
  readonly overdue: Map<string, number>;
}

/** The same for handlers of one component, by the name of one of them. */
function componentIn(name: string): string {
  const [bundle, , component]: readonly unknown[] = JSON.parse(name);
  return JSON.stringify([bundle, component]);
}

/** A handler of a user's containers that did not come to an end, which costs a worker each time. */
interface Overdue {
  times: number;
  lastMs: number;
  /** That all later containers of the user have for it; undefined: there are too few yet. */
  index: number | undefined;
  /** Places in chains that have it. */
  takers: number;
}

/** From then on a handler is not asked anew for each place in a chain, or each container of a user. */
const maxOverdue = 3;
/** For so long a user's handler is known for it. */
const overdueForMs = 600_000;
/** Of all users. */
const maxOverdueHandlers = 256;
const forgiveEveryMs = 60_000;

/** In the main thread: which indexes are whose. All listeners of a container have the same ones. */
export class Quarantines {
  readonly buffers: QuarantineBuffers = makeQuarantineBuffers();
  readonly quarantine: Quarantine = new Quarantine(this.buffers);
  readonly #indexes = new IndexPool(maxHandlers);
  /** By the tokens of containers. */
  readonly #taken: Map<number, Taken> = new Map();
  readonly #ofUsers: Map<number, number> = new Map();
  /** By users and names, the last one last. */
  readonly #overdue: Map<string, Overdue> = new Map();
  readonly #shared: Map<number, Overdue> = new Map();

  constructor() {
    setInterval(() => {
      this.forgive();
    }, forgiveEveryMs).unref();
  }

  /** Handlers that were quarantined are trusted a little more. */
  forgive(): void {
    const { end } = this.#indexes;
    for (let index = 0; index < end; index += 1) this.quarantine.forgive(index);
    for (let place = 0; place < maxPlaces; place += 1) this.quarantine.forgive(maxHandlers + place);
  }

  /**
   * Indexes for a listener's handlers; when there are none left, the one of the container itself. A
   * handler that comes in another one's place begins anew.
   * @param names what tells handlers apart
   */
  take(own: ContainerPlace, names: readonly string[]): readonly number[] {
    const taken = this.#taken.get(own.token) ?? { indexes: [], names: [], overdue: new Map() };
    this.#taken.set(own.token, taken);
    return names.map((name, at) => {
      const before = taken.names[at] ?? name;
      if (before !== name && this.#leaveShared(taken.indexes[at])) taken.indexes[at] = undefined;
      const index = (taken.indexes[at] ??= this.#sharedFor(own, name) ?? this.#indexFor(own));
      // what is past the last place is also others', and so is what is shared
      const isOwn = index < maxStates - 1 && !this.#shared.has(index);
      if (before !== name && isOwn) this.quarantine.clear(index);
      taken.names[at] = name;
      return index;
    });
  }

  /**
   * A handler of a container did not come to an end. Where that happens again and again, all handlers of
   * its component in the container are quarantined with it, and a user's next containers have one
   * quarantine for it: those that begin anew would each end a worker.
   * @param at its place in the chain
   */
  overdue({ token, user }: Pick<ContainerPlace, 'token' | 'user'>, at: number): void {
    const taken = this.#taken.get(token);
    const name = taken?.names[at];
    if (taken === undefined || name === undefined) return;
    this.#countIn(taken, at, name);
    if (user !== 0) this.#countOf(user, name);
  }

  #countIn({ overdue, indexes, names }: Taken, at: number, name: string): void {
    const component = componentIn(name);
    const times = (overdue.get(component) ?? 0) + 1;
    overdue.set(component, times);
    const index = indexes[at];
    if (times < maxOverdue || index === undefined) return;
    const others = indexes.filter((other, place): other is number => {
      const otherName = names[place];
      return otherName !== undefined && other !== index && componentIn(otherName) === component;
    });
    this.quarantine.spread(index, others);
  }

  #countOf(user: number, name: string): void {
    const key = `${user} ${name}`;
    const known = this.#overdue.get(key);
    const before = known !== undefined && this.#isRecent(known) ? known.times : 0;
    const overdue = known ?? { times: 0, lastMs: 0, index: undefined, takers: 0 };
    overdue.times = before + 1;
    overdue.lastMs = performance.now();
    this.#overdue.delete(key);
    this.#overdue.set(key, overdue);
    if (overdue.times >= maxOverdue && overdue.index === undefined) this.#share(overdue);
    if (this.#overdue.size > maxOverdueHandlers) this.#forgetOverdue();
  }

  #isRecent({ lastMs }: Overdue): boolean {
    return performance.now() - lastMs < overdueForMs;
  }

  #share(overdue: Overdue): void {
    const index = this.#indexes.take();
    if (index >= maxHandlers) return;
    overdue.index = index;
    this.#shared.set(index, overdue);
    // it has just been overdue
    for (let count = 0; count * failureWeight < quarantineLevel; count += 1) {
      this.quarantine.failed(index);
    }
  }

  #sharedFor({ user }: ContainerPlace, name: string): number | undefined {
    const overdue = user === 0 ? undefined : this.#overdue.get(`${user} ${name}`);
    if (overdue?.index === undefined || !this.#isRecent(overdue)) return undefined;
    overdue.takers += 1;
    return overdue.index;
  }

  /** @returns whether it is shared */
  #leaveShared(index: number | undefined): boolean {
    const overdue = index === undefined ? undefined : this.#shared.get(index);
    if (overdue === undefined) return false;
    overdue.takers -= 1;
    return true;
  }

  /** The oldest that no container has. */
  #forgetOverdue(): void {
    for (const [key, { index, takers }] of this.#overdue) {
      if (takers > 0) continue;
      this.#overdue.delete(key);
      if (index !== undefined) {
        this.#shared.delete(index);
        this.quarantine.clear(index);
        this.#indexes.giveBack(index);
      }
      return;
    }
  }

  /** Another container may have its place. */
  forget({ token, place, user }: ContainerPlace): void {
    for (const index of this.#taken.get(token)?.indexes ?? []) {
      if (index === undefined || index >= maxHandlers || this.#leaveShared(index)) continue;
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
