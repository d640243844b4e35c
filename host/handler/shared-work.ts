// SPDX-License-Identifier: Apache-2.0
// Work that several want is done once, as long as one of them still wants it.

export type IsWanted = () => boolean;

interface Running {
  readonly done: Promise<void>;
  readonly wishes: IsWanted[];
}

export class SharedWork {
  readonly #running: Map<string, Running> = new Map();

  /**
   * @param key what it is
   * @param isWanted absent: it is wanted until it is done
   * @param begin is given whether anybody wants it
   */
  async take(
    key: string,
    isWanted: IsWanted | undefined,
    begin: (isWanted: IsWanted) => Promise<void>,
  ): Promise<void> {
    const wish = isWanted ?? (() => true);
    const running = this.#running.get(key);
    if (running !== undefined) {
      running.wishes.push(wish);
      return running.done;
    }
    const wishes = [wish];
    const work = begin(() => wishes.some((isWish) => isWish()));
    const done = work.finally(() => this.#running.delete(key));
    this.#running.set(key, { done, wishes });
    return done;
  }
}
