// SPDX-License-Identifier: Apache-2.0
// Indexes of places in memory that threads share: each index has one user, or is free.

export class IndexPool {
  readonly #size: number;
  readonly #free: number[] = [];
  #end = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Above every index that was ever taken. */
  get end(): number {
    return this.#end;
  }

  get left(): number {
    return this.#size - this.#end + this.#free.length;
  }

  /**
   * A free index, used ones first, since their memory is there already; the size of the pool when
   * none is left.
   */
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
