// SPDX-License-Identifier: Apache-2.0
// The containers that a worker has met, as long as they have calls: what they have there can be
// made anew, and takes memory and address space.
import { beyondFairParts, hasFairPart } from './fair-parts.ts';
import type { Holder } from './fair-parts.ts';
import type { InstanceMemory } from './instance-memory.ts';

/** Instances without a call for so long, or up to twice as long, are given up. */
const idleMs = 10_000;
/** Others are told so seldom that memory is short: it takes their time. */
const tellMs = 1000;
/** With less, collecting what was given up makes room enough. */
const maxLive = 3 / 4;

export interface Kept extends Holder {
  /** Number of handlers' instances that it may have. */
  readonly instances: number;
  /** The period in which it was used last. */
  lastUse: number;
  /** Gives its instances up, until they are needed again. */
  giveUp(): void;
}

/** Room for instances of all workers together; each of them tells its own number. */
export interface InstanceRoom {
  readonly max: number;
  /** 32 bits for each worker. */
  readonly counts: SharedArrayBuffer;
  /** Of this worker. */
  readonly place: number;
}

export interface KeptContainersParts<Container> {
  readonly room: InstanceRoom;
  readonly memory: InstanceMemory;
  /** Told whose instances are given up, though they are used, since there is no memory for all. */
  readonly onCrowded: (container: Container) => void;
  /** Told, once a second at most, that something has to be given up: other workers may have more. */
  readonly onShort: () => void;
  readonly now?: () => number;
}

export class KeptContainers<Container extends Kept> {
  readonly #byToken: Map<number, Container> = new Map();
  readonly #room: InstanceRoom;
  readonly #counts: Int32Array;
  readonly #memory: InstanceMemory;
  readonly #onCrowded: (container: Container) => void;
  readonly #onShort: () => void;
  readonly #now: () => number;
  #instances = 0;
  /** Counts stretches of `idleMs` at least. */
  #period = 0;
  #periodStart: number;
  #nextTold = 0;

  constructor({
    room,
    memory,
    onCrowded,
    onShort,
    now = () => performance.now(),
  }: KeptContainersParts<Container>) {
    this.#room = room;
    this.#counts = new Int32Array(room.counts);
    this.#memory = memory;
    this.#onCrowded = onCrowded;
    this.#onShort = onShort;
    this.#now = now;
    this.#periodStart = now();
  }

  get instances(): number {
    return this.#instances;
  }

  get(token: number): Container | undefined {
    return this.#byToken.get(token);
  }

  find(isMeant: (container: Container) => boolean): Container | undefined {
    for (const container of this.#byToken.values()) if (isMeant(container)) return container;
    return undefined;
  }

  /** It has a call. */
  use(container: Container): void {
    container.lastUse = this.#period;
  }

  /**
   * Room is made for it: by those that are idle, and if need be by those that were met first. As
   * long as all have calls and room none is given up, since making it takes as long as ten calls.
   */
  add(token: number, container: Container): void {
    this.delete(token);
    this.#deleteIdle();
    const ofOthers = this.#counts.reduce((sum, count) => sum + count, 0) - this.#instances;
    for (const other of this.#byToken.keys()) {
      if (ofOthers + this.#instances + container.instances <= this.#room.max) break;
      this.delete(other);
    }
    this.#byToken.set(token, container);
    this.#count(container.instances);
    this.use(container);
  }

  /** Its listener has ended. */
  end(token: number): void {
    this.delete(token);
    if (this.#memory.isShort && !this.#memory.isHelpless) this.#memory.collect();
  }

  delete(token: number): void {
    const container = this.#byToken.get(token);
    if (container === undefined) return;
    container.giveUp();
    this.#count(-container.instances);
    this.#byToken.delete(token);
  }

  /**
   * The instances of a container take more memory, or less. Where that is too much for all, some are
   * given up: those of idle containers, and then so many that half of what may be is free, so that
   * it is not too much again at once.
   */
  weigh(container: Container, change: number): void {
    const memory = this.#memory;
    memory.count(change);
    if (change < 0) return;
    if (memory.isFull) this.#relieve(container, memory.allowance);
    else if (memory.isShort) this.hasRoom(container);
  }

  /**
   * Whether another instance may be made for a container, by what the process really has. Where it has
   * too much, that is as if this worker might have no more than it has; and where that does not help, who
   * has little here is not the one who has it.
   */
  hasRoom(container: Container): boolean {
    const memory = this.#memory;
    if (!memory.isShort) return true;
    if (!memory.isHelpless) this.#relieve(container, memory.live);
    if (!memory.isShort) return true;
    return !memory.isSpent && hasFairPart(this.#byToken.values(), container, memory.own);
  }

  /**
   * Memory is short, as another thread has found: what has no calls here is given up, if not now, then
   * soon, and where the process has too much, others, too. Also calls that make no instance take some.
   */
  hearShortage(): void {
    const memory = this.#memory;
    this.#deleteIdle();
    if (memory.hasGarbage) memory.collect();
    if (memory.isShort && !memory.isHelpless) this.#giveUp(undefined, memory.live);
  }

  #relieve(container: Container, allowance: number): void {
    // nobody looks it up while it calls alone
    this.use(container);
    this.#deleteIdle();
    this.#giveUp(container, allowance);
    const now = this.#now();
    if (now < this.#nextTold) return;
    this.#nextTold = now + tellMs;
    this.#onShort();
  }

  #giveUp(current: Container | undefined, allowance: number): void {
    const memory = this.#memory;
    if (memory.live > allowance * maxLive) this.#giveUpLargest(current, allowance / 2);
    memory.collect();
  }

  #giveUpLargest(current: Container | undefined, bytes: number): void {
    for (const container of beyondFairParts(this.#byToken.values(), current, bytes)) {
      if (this.#memory.live <= bytes) return;
      this.#onCrowded(container);
      container.giveUp();
    }
  }

  #deleteIdle(): void {
    const now = this.#now();
    if (now - this.#periodStart < idleMs) return;
    this.#periodStart = now;
    this.#period += 1;
    for (const [token, { lastUse }] of this.#byToken) {
      if (this.#period - lastUse > 1) this.delete(token);
    }
  }

  #count(more: number): void {
    this.#instances += more;
    Atomics.store(this.#counts, this.#room.place, this.#instances);
  }
}
