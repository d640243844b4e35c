// SPDX-License-Identifier: Apache-2.0
// Whoever asks for work that is done in turns.

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

/** Who serves all containers alike. */
export const operator: Asker = { who: [] };

/** How much of the time of all work was for this one. */
export type UsedMs = (asker: Asker) => number;

function isWaiting({ isWanted }: Asker): boolean {
  return isWanted?.() ?? true;
}

/** Those who want the same. Many that are counted alike, such as executions of one container, are as one. */
export class Askers {
  readonly #alike: Map<string, [Asker, ...Asker[]]> = new Map();

  constructor(first: Asker) {
    this.add(first);
  }

  /** One more, at any time. */
  add(asker: Asker): void {
    const who = asker.who.join('\n');
    const alike = this.#alike.get(who);
    if (alike === undefined) this.#alike.set(who, [asker]);
    else alike.push(asker);
  }

  get areWaiting(): boolean {
    return this.first(() => 0) !== undefined;
  }

  /** Of the one who has used the least, whether it still waits or not. */
  leastMs(usedMs: UsedMs): number {
    let least = Infinity;
    for (const [one] of this.#alike.values()) least = Math.min(least, usedMs(one));
    return least;
  }

  /** Of those who still wait, the one who has used the least. Who is found to have gone is forgotten. */
  first(usedMs: UsedMs): Asker | undefined {
    const inOrder = [...this.#alike]
      .map(([who, alike]) => ({ who, alike, ms: usedMs(alike[0]) }))
      .toSorted((one, other) => one.ms - other.ms);
    for (const { who, alike } of inOrder) {
      const at = alike.findIndex((asker) => isWaiting(asker));
      const [first, ...others] = at < 0 ? [] : alike.slice(at);
      if (first === undefined) this.#alike.delete(who);
      else {
        this.#alike.set(who, [first, ...others]);
        return first;
      }
    }
    return undefined;
  }
}
