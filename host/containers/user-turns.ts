// SPDX-License-Identifier: Apache-2.0
// Attaching containers takes time of the main thread. Users get at most half of it for theirs, each
// of them in turn, however many they start; root's containers do not wait for those of users.

type Work = () => void;

export class UserTurns {
  /** By user, whose turn is next first. */
  readonly #waiting: Map<number, Work[]> = new Map();
  #isPausing = false;

  /** Settles as the work does, which is begun in its turn: at once, if nobody waits. */
  async take<T>(uid: number, work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const own = this.#waiting.get(uid) ?? [];
      this.#waiting.set(uid, own);
      own.push(() => {
        try {
          resolve(work());
        } catch (thrown) {
          reject(thrown);
        }
      });
      if (!this.#isPausing) this.#run();
    });
  }

  #run(): void {
    this.#isPausing = false;
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [uid, own] = first;
    const begin = own.shift();
    // behind the others
    this.#waiting.delete(uid);
    if (own.length > 0) this.#waiting.set(uid, own);
    const began = performance.now();
    begin?.();
    this.#isPausing = true;
    setTimeout(() => {
      this.#run();
    }, performance.now() - began);
  }
}
