// SPDX-License-Identifier: Apache-2.0
// A queue of work with owners. The next item is of the owner that has had the least time: the owner of
// slow or frequent work waits for it alone.

/** Some of what waits for one owner. */
export interface Turn<T> {
  readonly who: string;
  readonly items: readonly T[];
}

interface Own<T> {
  readonly who: string;
  usedMs: number;
  waiting: T[];
}

export class FairQueue<T> {
  readonly #owners: Map<string, Own<T>> = new Map();
  /** Time that the last owner had used: newcomers start with it. */
  #levelMs = 0;

  add(who: string, item: T): void {
    const own = this.#ownOf(who);
    if (own.waiting.length === 0) own.usedMs = Math.max(own.usedMs, this.#levelMs);
    own.waiting.push(item);
  }

  /**
   * @param most of the same owner
   * @returns undefined: nothing waits
   */
  take(max: number): Turn<T> | undefined {
    let next: Own<T> | undefined;
    for (const [who, own] of this.#owners) {
      if (own.waiting.length > 0) {
        if (next === undefined || own.usedMs < next.usedMs) next = own;
      } else if (own.usedMs <= this.#levelMs) this.#owners.delete(who);
    }
    if (next === undefined) return undefined;
    this.#levelMs = next.usedMs;
    return { who: next.who, items: next.waiting.splice(0, max) };
  }

  /** A turn has taken so long. @param left of it: is next, when it is its owner's turn again */
  end(who: string, milliseconds: number, left: readonly T[] = []): void {
    const own = this.#ownOf(who);
    own.usedMs += milliseconds;
    own.waiting.unshift(...left);
  }

  /** @returns those of somebody that nobody waits for any more */
  remove(who: string, isRemoved: (item: T) => boolean): readonly T[] {
    const own = this.#owners.get(who);
    if (own === undefined) return [];
    const removed = own.waiting.filter((item) => isRemoved(item));
    if (removed.length > 0) own.waiting = own.waiting.filter((item) => !isRemoved(item));
    return removed;
  }

  /** @returns all that waits */
  clear(): readonly T[] {
    const all = [...this.#owners.values()].flatMap(({ waiting }) => waiting);
    this.#owners.clear();
    return all;
  }

  #ownOf(who: string): Own<T> {
    const known = this.#owners.get(who);
    if (known !== undefined) return known;
    const own = { who, usedMs: this.#levelMs, waiting: [] };
    this.#owners.set(who, own);
    return own;
  }
}
