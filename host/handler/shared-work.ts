// SPDX-License-Identifier: Apache-2.0
// Work that several want is done once.
import type { Asker } from './asker.ts';

interface Running {
  readonly done: Promise<void>;
  readonly askers: Set<Asker>;
}

export class SharedWork {
  readonly #running: Map<string, Running> = new Map();

  /**
   * @param key what it is
   * @param begin is given those who want it, of which more may come
   */
  async take(
    key: string,
    asker: Asker,
    begin: (askers: ReadonlySet<Asker>) => Promise<void>,
  ): Promise<void> {
    const running = this.#running.get(key);
    if (running !== undefined) {
      running.askers.add(asker);
      return running.done;
    }
    const askers = new Set([asker]);
    const done = begin(askers).finally(() => this.#running.delete(key));
    this.#running.set(key, { done, askers });
    return done;
  }
}
