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

/**
 * Begins something for each of many, in turns, and settles once all of it has.
 * @throws what the first of them that failed has thrown, once all others are done
 */
export async function begunInTurns<T>(
  items: readonly T[],
  begin: (item: T) => Promise<void>,
): Promise<void> {
  const begun: Promise<void>[] = [];
  const failures: unknown[] = [];
  await inTurns(items, (item) => {
    // at once: nobody else would catch what fails before the last one is begun
    begun.push(begin(item).catch((thrown: unknown) => void failures.push(thrown)));
  });
  await Promise.all(begun);
  if (failures.length > 0) throw failures[0];
}
