// SPDX-License-Identifier: Apache-2.0
// Work that is done one after the other. Of those who want some each has its turn, however much it
// wants: whoever starts containers may name many bundles, and bundles have many handlers.

interface Work {
  readonly begin: () => Promise<void>;
  readonly done: Promise<void>;
}

export class Turns {
  /** By who wants it, those whose turn is next first; then by what it is. */
  readonly #waiting: Map<string, Map<string, Work>> = new Map();
  #isRunning = false;

  /**
   * What somebody wants already, and is not done, is not done twice.
   * @param work must not reject
   */
  take(who: string, what: string, work: () => Promise<void>): Promise<void> {
    const own = this.#waiting.get(who) ?? new Map<string, Work>();
    const before = own.get(what);
    if (before !== undefined) return before.done;
    let begin = work;
    const done = new Promise<void>((resolve) => {
      begin = async () => {
        await work();
        resolve();
      };
    });
    own.set(what, { begin, done });
    this.#waiting.set(who, own);
    if (!this.#isRunning) void this.#run();
    return done;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (const [who, own] of this.#waiting) {
      const [first] = own;
      if (first !== undefined) {
        const [what, { begin }] = first;
        await begin();
        own.delete(what);
      }
      // behind those who came meanwhile
      this.#waiting.delete(who);
      if (own.size > 0) this.#waiting.set(who, own);
    }
    this.#isRunning = false;
  }
}
