// SPDX-License-Identifier: Apache-2.0
// Does something for each of many, in turns with all else that the main thread has to do.
import { setImmediate as nextTurn } from 'node:timers/promises';

const turnMs = 5;

export async function inTurns<T>(items: readonly T[], work: (item: T) => void): Promise<void> {
  let endMs = performance.now() + turnMs;
  for (const item of items) {
    if (performance.now() >= endMs) {
      await nextTurn();
      endMs = performance.now() + turnMs;
    }
    work(item);
  }
}
