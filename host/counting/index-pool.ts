// SPDX-License-Identifier: Apache-2.0
// Indexes of places in what all threads share: each is somebody's, or free.

export class IndexPool {
  readonly #size: number;
  readonly #free: number[] = [];
  #end = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** All that were ever taken are below. */
  get end(): number {
    return this.#end;
  }

  /** A free index; the size of the pool when there is none left. */
  take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#end >= this.#size) return this.#size;
    this.#end += 1;
    return this.#end - 1;
  }

  giveBack(index: number): void {
    if (index < this.#size) this.#free.push(index);
  }
}
