// SPDX-License-Identifier: Apache-2.0
// Rate at which workers are started in place of others. A handler can have its worker ended within a
// millisecond, and the next one takes a processor a hundred to start.

const perSecond = 4;

export class StartRate implements Disposable {
  readonly #max: number;
  #left: number;
  #since = performance.now();
  #waiting: NodeJS.Timeout | undefined;

  /** @param max number of starts at once */
  constructor(max: number) {
    this.#max = max;
    this.#left = max;
  }

  /**
   * Whether a worker may be started now.
   * @param again is called once it may, unless somebody else waits for that
   */
  take(again: () => void): boolean {
    const now = performance.now();
    this.#left = Math.min(this.#max, this.#left + ((now - this.#since) * perSecond) / 1000);
    this.#since = now;
    if (this.#left >= 1) {
      this.#left -= 1;
      return true;
    }
    this.#waiting ??= setTimeout(
      () => {
        this.#waiting = undefined;
        again();
      },
      ((1 - this.#left) * 1000) / perSecond,
    ).unref();
    return false;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#waiting);
  }
}
