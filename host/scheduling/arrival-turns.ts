// SPDX-License-Identifier: Apache-2.0
// Attaching a listener takes time of the main thread, and what it takes is up to whoever writes the
// bundles and the metadata: that one is next whose container and namespace, or whose user, has had the
// least of it, however many commands are executed in others.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

import { Askers } from './asker.ts';
import { Turns } from './turns.ts';

/** Pause between two turns, of which the first has taken so long. */
type Pause = (tookMs: number) => Promise<unknown>;

/** For root's containers: all else that the main thread has to do. */
const shortly: Pause = async () => nextTurn();
/** For those of users, who get at most half of the main thread together. */
const asLong: Pause = async (tookMs) => sleep(tookMs);

export class ArrivalTurns {
  readonly #turns = new Turns();
  readonly #pause: Pause;

  constructor(whose: 'root' | 'users') {
    this.#pause = whose === 'root' ? shortly : asLong;
  }

  /**
   * Settles as the work does, which is begun at once, if nobody waits. The turn lasts as long as the
   * work takes of the main thread: others do not wait for what it only begins.
   * @param who as `Asker` has it
   */
  async take<T>(who: readonly string[], work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      void this.#turns.take({ askers: new Askers({ who }), costMs: 0 }, async () => {
        const began = performance.now();
        try {
          resolve(work());
        } catch (thrown) {
          reject(thrown);
        }
        await this.#pause(performance.now() - began);
      });
    });
  }
}
