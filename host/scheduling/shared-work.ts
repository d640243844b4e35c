// SPDX-License-Identifier: Apache-2.0
// Work that several want is done once.
import { Askers } from './asker.ts';
import type { Asker } from './asker.ts';

interface Running {
  readonly done: Promise<void>;
  readonly askers: Askers;
}

export class SharedWork {
  readonly #running: Map<string, Running> = new Map();

  /**
   * @param key what it is
   * @param begin is given those who want it, of which more may come; it returns undefined where nothing
   *   is to be waited for
   */
  take(
    key: string,
    asker: Asker,
    begin: (askers: Askers) => Promise<void> | undefined,
  ): Promise<void> | undefined {
    const running = this.#running.get(key);
    if (running !== undefined) {
      running.askers.add(asker);
      return running.done;
    }
    const askers = new Askers(asker);
    const done = begin(askers)?.finally(() => this.#running.delete(key));
    if (done !== undefined) this.#running.set(key, { done, askers });
    return done;
  }
}
