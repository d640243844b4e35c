// SPDX-License-Identifier: Apache-2.0
// Work of which only so much is done at once. The next one is of whoever has had the least time and
// wants the least: whoever starts containers may name many bundles, and bundles may have many handlers
// that take long.

export interface Wish {
  /** What somebody's work has taken counts for the rest of it. */
  readonly who: string;
  /** In milliseconds, about. */
  readonly costMs: number;
  /** Whether anybody still waits for it; absent: somebody does. */
  readonly isWanted?: (() => boolean) | undefined;
}

interface Waiting extends Wish {
  readonly begin: () => Promise<void>;
  readonly leave: () => void;
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
   * @param work must not reject
   */
  async take(wish: Wish, work: () => Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      const begin = async (): Promise<void> => {
        await work();
        resolve();
      };
      this.#waiting.add({ ...wish, begin, leave: resolve });
      this.#fill();
    });
  }

  #fill(): void {
    while (this.#running < this.#atOnce) {
      const next = this.#next();
      if (next === undefined) break;
      this.#waiting.delete(next);
      void this.#run(next);
    }
    if (this.#running === 0) this.#usedMs.clear();
  }

  async #run({ who, begin }: Waiting): Promise<void> {
    this.#running += 1;
    const began = performance.now();
    await begin();
    this.#usedMs.set(who, this.#used(who) + performance.now() - began);
    this.#running -= 1;
    this.#fill();
  }

  #used(who: string): number {
    return this.#usedMs.get(who) ?? 0;
  }

  #next(): Waiting | undefined {
    let next: Waiting | undefined;
    let leastMs = Infinity;
    for (const waiting of this.#waiting) {
      if (waiting.isWanted?.() === false) {
        this.#waiting.delete(waiting);
        waiting.leave();
        continue;
      }
      const neededMs = this.#used(waiting.who) + waiting.costMs;
      if (neededMs >= leastMs) continue;
      leastMs = neededMs;
      next = waiting;
    }
    return next;
  }
}
