// SPDX-License-Identifier: Apache-2.0
// Requesters of work that is done in turns.

export type IsWanted = () => boolean;

export interface Asker {
  /**
   * Such as a container and its namespace: what work for one of them has taken counts for the rest of
   * it. None: nobody whose work is counted.
   */
  readonly who: readonly string[];
  /** Whether it still waits, which is dear to ask; absent: it does. Who waits no more never does again. */
  readonly isWanted?: IsWanted | undefined;
}

/** Requester of work for all containers alike. */
export const operator: Asker = { who: [] };

/** Of a container, which may have gone. */
const lookEveryMs = 1000;

/** Settles as the work does, or soon after nobody wants it any more: others may go on to. */
export async function whileWanted(
  work: Promise<void>,
  isWanted: IsWanted,
  everyMs: number = lookEveryMs,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const unwanted = new Promise<void>((resolve) => {
    timer = setInterval(() => {
      if (!isWanted()) resolve();
    }, everyMs).unref();
  });
  try {
    await Promise.race([work, unwanted]);
  } finally {
    clearInterval(timer);
  }
}

/** Part of the time of all work that was for these. */
export type UsedMs = (who: Asker['who']) => number;

function isWaiting({ isWanted }: Asker): boolean {
  return isWanted?.() ?? true;
}

/** Those who are counted alike, such as executions of one container. */
interface Alike {
  readonly who: Asker['who'];
  readonly waiting: Asker[];
}

/** Those who want the same. Many who are counted alike are as one. */
export class Askers {
  readonly #alike: Map<string, Alike> = new Map();

  constructor(first: Asker) {
    this.add(first);
  }

  /** One more, at any time. */
  add(asker: Asker): void {
    const { who } = asker;
    const key = who.join('\n');
    const alike = this.#alike.get(key) ?? { who, waiting: [] };
    alike.waiting.push(asker);
    this.#alike.set(key, alike);
  }

  get areWaiting(): boolean {
    return this.first(() => 0) !== undefined;
  }

  /** Of the one who has used the least, whether it still waits or not. */
  leastMs(usedMs: UsedMs): number {
    let least = Infinity;
    for (const { who } of this.#alike.values()) least = Math.min(least, usedMs(who));
    return least;
  }

  /** Of those who still wait, the one who has used the least. Who has gone is forgotten. */
  first(usedMs: UsedMs): Asker | undefined {
    const inOrder = [...this.#alike]
      .map(([key, { who, waiting }]) => ({ key, waiting, ms: usedMs(who) }))
      .toSorted((one, other) => one.ms - other.ms);
    for (const { key, waiting } of inOrder) {
      for (let asker = waiting.shift(); asker !== undefined; asker = waiting.shift()) {
        if (!isWaiting(asker)) continue;
        // the others are asked before it is again: all who have gone are found
        waiting.push(asker);
        return asker;
      }
      this.#alike.delete(key);
    }
    return undefined;
  }
}

/** Of all that a user sends. */
export function userAsks(uid: number): readonly [string] {
  return [`user ${uid}`];
}
