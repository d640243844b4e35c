// SPDX-License-Identifier: Apache-2.0
// In a worker: how much of its ring the decisions of one container take.

/** Facts of a container's calls that the main thread asks for. */
export interface Watch {
  /** Names the registry to the main thread; never 0. */
  readonly id: number;
  readonly withArguments: boolean;
}

export class RingShare implements Watch {
  readonly id: number;
  readonly withArguments: boolean;
  /** Cells that were written before `#newerFrom`, and those since then. */
  #older = 0;
  #newer = 0;
  #newerFrom = 0;
  /** The end of the last one. */
  #writtenTo = 0;

  constructor({ id, withArguments }: Watch) {
    this.id = id;
    this.withArguments = withArguments;
  }

  /**
   * Its cells that nobody has read yet, or up to twice as many: they are forgotten in two halves.
   * @param used number of all cells before `head` that nobody has read yet
   */
  unread(head: number, used: number): number {
    if ((head - this.#writtenTo) >>> 0 >= used) {
      this.#older = 0;
      this.#newer = 0;
      this.#newerFrom = head;
    } else if ((head - this.#newerFrom) >>> 0 >= used) {
      this.#older = this.#newer;
      this.#newer = 0;
      this.#newerFrom = head;
    }
    return this.#older + this.#newer;
  }

  wrote(cells: number, to: number): void {
    this.#newer += cells;
    this.#writtenTo = to;
  }
}
