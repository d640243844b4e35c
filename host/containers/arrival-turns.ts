// SPDX-License-Identifier: Apache-2.0
// Attaching a listener takes time of the main thread, and what it takes is up to whoever writes the
// bundles and the metadata: of root's containers that one is next whose container and namespace have
// had the least of it, however many commands are executed in others.
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Turns } from '../handler/turns.ts';

export class ArrivalTurns {
  readonly #turns = new Turns();

  /**
   * Settles as the work does, which is done at once, if nobody waits.
   * @param who as `Asker` has it
   */
  async take(who: readonly string[], work: () => void): Promise<void> {
    await this.#turns.take({ askers: [{ who }], costMs: 0 }, async () => {
      work();
      // all else that the main thread has to do
      await nextTurn();
    });
  }
}
