// SPDX-License-Identifier: Apache-2.0
// The containers that a worker has met, as long as they have calls: what they have there can be
// made anew, and takes memory and address space.

/** What has made no call for as long as that, or twice, is given up. */
const idleMs = 10_000;

export interface Kept {
  /** How many instances of handlers it may have. */
  readonly instances: number;
  /** The period in which it was used last. */
  lastUse: number;
}

/** How many instances there may be of all workers together; each of them tells its own. */
export interface InstanceRoom {
  readonly most: number;
  /** 32 bits for each worker. */
  readonly counts: SharedArrayBuffer;
  /** Of this worker. */
  readonly place: number;
}

export class KeptContainers<Container extends Kept> {
  readonly #byToken: Map<number, Container> = new Map();
  readonly #room: InstanceRoom;
  readonly #counts: Int32Array;
  readonly #now: () => number;
  #instances = 0;
  /** Counts stretches of `idleMs` at least. */
  #period = 0;
  #periodStart: number;

  constructor(room: InstanceRoom, now: () => number = () => performance.now()) {
    this.#room = room;
    this.#counts = new Int32Array(room.counts);
    this.#now = now;
    this.#periodStart = now();
  }

  get instances(): number {
    return this.#instances;
  }

  get(token: number): Container | undefined {
    return this.#byToken.get(token);
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
    const now = this.#now();
    if (now - this.#periodStart >= idleMs) {
      this.#periodStart = now;
      this.#period += 1;
      for (const [other, { lastUse }] of this.#byToken) {
        if (this.#period - lastUse > 1) this.delete(other);
      }
    }
    const ofOthers = this.#counts.reduce((sum, count) => sum + count, 0) - this.#instances;
    for (const other of this.#byToken.keys()) {
      if (ofOthers + this.#instances + container.instances <= this.#room.most) break;
      this.delete(other);
    }
    this.#byToken.set(token, container);
    this.#count(container.instances);
    this.use(container);
  }

  delete(token: number): void {
    this.#count(-(this.#byToken.get(token)?.instances ?? 0));
    this.#byToken.delete(token);
  }

  #count(more: number): void {
    this.#instances += more;
    Atomics.store(this.#counts, this.#room.place, this.#instances);
  }
}
