// SPDX-License-Identifier: Apache-2.0
// Calls that were taped, on their way through the main thread: containers make them as fast as they
// like, and the main thread has other things to do.
import { type Left, Draining } from '../scheduling/draining.ts';

export class TapeTurns {
  readonly #draining = new Draining(() => this.#takeOne());
  #taken: readonly (() => void)[] = [];
  #next = 0;
  #come: (() => void)[] = [];

  /** @param take hands one on */
  add(take: () => void): void {
    this.#come.push(take);
    this.#draining.runSoon();
  }

  #takeOne(): Left {
    if (this.#next === this.#taken.length) {
      this.#taken = this.#come;
      this.#come = [];
      this.#next = 0;
    }
    const take = this.#taken[this.#next];
    if (take === undefined) return 'nothing';
    this.#next += 1;
    take();
    return 'more';
  }
}
