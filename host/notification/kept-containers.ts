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

export class KeptContainers<Container extends Kept> {
  readonly #byToken: Map<number, Container> = new Map();
  readonly #mostInstances: number;
  readonly #now: () => number;
  #instances = 0;
  /** Counts stretches of `idleMs` at least. */
  #period = 0;
  #periodStart: number;

  constructor(mostInstances: number, now: () => number = () => performance.now()) {
    this.#mostInstances = mostInstances;
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
    for (const other of this.#byToken.keys()) {
      if (this.#instances + container.instances <= this.#mostInstances) break;
      this.delete(other);
    }
    this.#byToken.set(token, container);
    this.#instances += container.instances;
    this.use(container);
  }

  delete(token: number): void {
    this.#instances -= this.#byToken.get(token)?.instances ?? 0;
    this.#byToken.delete(token);
  }
}
