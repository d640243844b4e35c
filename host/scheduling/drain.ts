// SPDX-License-Identifier: Apache-2.0
// Empties what others fill, in turns with all else that the main thread has to do: however fast they
// are, it goes on.

/** Remainder after one step: nothing, or perhaps more. */
export type Left = 'nothing' | 'more';

/** Whoever fills it all the time gets half of the main thread. */
const turnMs = 5;
const pauseMs = 5;

export class Drain implements Disposable {
  readonly #step: () => Left;
  #next: NodeJS.Immediate | NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(step: () => Left) {
    this.#step = step;
  }

  /** There may be more. */
  get isUnderWay(): boolean {
    return this.#next !== undefined;
  }

  /** As `run`, but once what is happening now has happened: more may come with it. */
  runSoon(): void {
    if (this.#isOver) return;
    this.#next ??= setImmediate(() => {
      this.run();
    });
  }

  run(): void {
    this.#clear();
    const end = performance.now() + turnMs;
    let left: Left;
    do {
      left = this.#step();
    } while (left === 'more' && !this.#isOver && performance.now() < end);
    if (left === 'nothing' || this.#isOver) return;
    // a step may have asked for the next turn
    this.#clear();
    this.#next = setTimeout(() => {
      this.run();
    }, pauseMs);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#clear();
  }

  #clear(): void {
    this.#next?.[Symbol.dispose]();
    this.#next = undefined;
  }
}
