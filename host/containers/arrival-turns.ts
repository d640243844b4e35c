// SPDX-License-Identifier: Apache-2.0
// Attaching a listener takes time of the main thread, and what it takes is up to whoever writes the
// bundles and the metadata: of root's containers that one is next whose container and namespace have
// had the least of it, however many commands are executed in others.
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Turns } from '../handler/turns.ts';

export class ArrivalTurns {
  readonly #turns = new Turns();

  /**
   * Settles as the work does, which is begun at once, if nobody waits. The turn lasts as long as the
   * work takes of the main thread: others do not wait for what it only begins.
   * @param who as `Asker` has it
   */
  async take<T>(who: readonly string[], work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      void this.#turns.take({ askers: [{ who }], costMs: 0 }, async () => {
        try {
          resolve(work());
        } catch (thrown) {
          reject(thrown);
        }
        // all else that the main thread has to do
        await nextTurn();
      });
    });
  }
}
