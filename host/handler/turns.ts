// SPDX-License-Identifier: Apache-2.0
// Work of which only so much is done at once. The next one is of whoever has had the least time and
// wants the least: whoever starts containers may name many bundles, and bundles may have many handlers
// that take long.
import { isWaiting } from './asker.ts';
import type { Asker } from './asker.ts';

export interface Wish {
  /** It has the turn of the first of them: nobody waits behind others who want the same and more. */
  readonly askers: Iterable<Asker>;
  /** In milliseconds, about. */
  readonly costMs: number;
}

interface Waiting extends Wish {
  readonly begin: () => Promise<void>;
  readonly leave: () => void;
}

interface Turn {
  readonly waiting: Waiting;
  readonly asker: Asker;
}

export class Turns {
  readonly #atOnce: number;
  readonly #waiting: Set<Waiting> = new Set();
  /** By who wants it, until nobody wants anything. */
  readonly #usedMs: Map<string, number> = new Map();
  #running = 0;

  constructor(atOnce = 1) {
    this.#atOnce = atOnce;
  }

  /**
   * Resolves once it is done, or once it is seen that nobody wants it.
   * @throws what the work does
   */
  async take(wish: Wish, work: () => Promise<void>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const begin = async (): Promise<void> => work().then(resolve, reject);
      this.#waiting.add({ ...wish, begin, leave: resolve });
      this.#fill();
    });
  }

  #fill(): void {
    while (this.#running < this.#atOnce) {
      const next = this.#next();
      if (next === undefined) break;
      this.#waiting.delete(next.waiting);
      void this.#run(next);
    }
    if (this.#running === 0) this.#usedMs.clear();
  }

  async #run({ waiting, asker }: Turn): Promise<void> {
    this.#running += 1;
    const began = performance.now();
    await waiting.begin();
    const tookMs = performance.now() - began;
    for (const name of asker.who) this.#usedMs.set(name, this.#usedBy(name) + tookMs);
    this.#running -= 1;
    this.#fill();
  }

  #usedBy(name: string): number {
    return this.#usedMs.get(name) ?? 0;
  }

  #used({ who }: Asker): number {
    return who.reduce((sum, name) => sum + this.#usedBy(name), 0);
  }

  /** Of those who still wait, who has used the least. */
  #firstOf(askers: Iterable<Asker>): Asker | undefined {
    let first: Asker | undefined;
    for (const asker of askers) {
      if (!isWaiting(asker)) continue;
      if (first === undefined || this.#used(asker) < this.#used(first)) first = asker;
    }
    return first;
  }

  #next(): Turn | undefined {
    let next: Turn | undefined;
    let leastMs = Infinity;
    for (const waiting of this.#waiting) {
      const asker = this.#firstOf(waiting.askers);
      if (asker === undefined) {
        this.#waiting.delete(waiting);
        waiting.leave();
        continue;
      }
      const neededMs = this.#used(asker) + waiting.costMs;
      if (neededMs >= leastMs) continue;
      leastMs = neededMs;
      next = { waiting, asker };
    }
    return next;
  }
}
