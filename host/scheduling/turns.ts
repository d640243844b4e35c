// SPDX-License-Identifier: Apache-2.0
// Work of which only so much is done at once. The next one is of whoever has had the least time and
// wants the least: whoever starts containers may name many bundles, and bundles may have many handlers
// that take long.
import type { Asker, Askers, UsedMs } from './asker.ts';

export interface Wish {
  /** It has the turn of the first of them: nobody waits behind others who want the same and more. */
  readonly askers: Askers;
  /** In milliseconds, about. */
  readonly costMs: number;
}

interface Waiting {
  readonly costMs: number;
  readonly begin: () => Promise<void>;
  readonly leave: () => void;
}

interface Queue {
  readonly askers: Askers;
  readonly all: readonly Waiting[];
  readonly neededMs: number;
}

interface Turn {
  readonly waiting: Waiting;
  readonly asker: Asker;
}

export class Turns {
  readonly #atOnce: number;
  /** By who wants them, which is the same for all components of a bundle; what costs less is before. */
  readonly #waiting: Map<Askers, Waiting[]> = new Map();
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
  async take({ askers, costMs }: Wish, work: () => Promise<void>): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const begin = async (): Promise<void> => work().then(resolve, reject);
      const waiting = this.#waiting.get(askers) ?? [];
      const before = waiting.findLastIndex((other) => other.costMs <= costMs);
      waiting.splice(before + 1, 0, { costMs, begin, leave: resolve });
      this.#waiting.set(askers, waiting);
      this.#fill();
    });
  }

  #fill(): void {
    while (this.#running < this.#atOnce) {
      const next = this.#next();
      if (next === undefined) break;
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

  readonly #used: UsedMs = (who) => who.reduce((sum, name) => sum + this.#usedBy(name), 0);

  /** Takes the next one out. Only who is about to have a turn is asked whether it still waits. */
  #next(): Turn | undefined {
    for (const { askers, all } of this.#inOrder()) {
      const asker = askers.first(this.#used);
      const [waiting, ...others] = all;
      if (asker !== undefined && others.length > 0) this.#waiting.set(askers, others);
      else this.#waiting.delete(askers);
      if (asker !== undefined && waiting !== undefined) return { waiting, asker };
      for (const { leave } of all) leave();
    }
    return undefined;
  }

  #inOrder(): readonly Queue[] {
    const queues = [...this.#waiting].map(([askers, all]) => {
      const [{ costMs } = { costMs: 0 }] = all;
      return { askers, all, neededMs: askers.leastMs(this.#used) + costMs };
    });
    return queues.toSorted((one, other) => one.neededMs - other.neededMs);
  }
}
