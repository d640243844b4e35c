// SPDX-License-Identifier: Apache-2.0
// Calls that were taped, on their way through the main thread: containers make them as fast as they
// like, and the main thread has other things to do.
import { type Left, Drain } from '../scheduling/drain.ts';

interface Sent {
  readonly order: number;
  readonly take: () => void;
}

/** Numbers of 32 bits that begin anew. */
function isLater({ order }: Sent, than: Sent): boolean {
  return ((order - than.order) | 0) > 0;
}

function later(one: Sent, other: Sent): Sent {
  return isLater(one, other) ? one : other;
}

/**
 * A caller's next call may be answered by another worker, and messages of two workers come in any
 * order; but what was sent before has come at the latest when the next turn of the loop is over.
 */
export class TapeTurns {
  readonly #drain = new Drain(() => this.#takeOne());
  /** In their order. */
  #ready: readonly Sent[] = [];
  #next = 0;
  /** These have come in an earlier turn than those that come now. */
  #settling: readonly Sent[] = [];
  #come: Sent[] = [];

  /** @param take hands one on */
  add(order: number, take: () => void): void {
    this.#come.push({ order, take });
    this.#drain.runSoon();
  }

  #takeOne(): Left {
    if (this.#next === this.#ready.length) {
      this.#settle();
      if (this.#ready.length === 0) return 'nothing';
    }
    const sent = this.#ready[this.#next];
    this.#next += 1;
    sent?.take();
    return 'more';
  }

  /** All that has settled is ready, with earlier entries that have come since. */
  #settle(): void {
    const [first, ...others] = this.#settling;
    const all = [...this.#settling, ...this.#come];
    this.#come = [];
    this.#next = 0;
    if (first === undefined) {
      this.#ready = [];
      this.#settling = all;
    } else {
      const last = others.reduce(later, first);
      this.#ready = all
        .filter((sent) => !isLater(sent, last))
        .toSorted((one, other) => (isLater(one, other) ? 1 : -1));
      this.#settling = all.filter((sent) => isLater(sent, last));
    }
    if (this.#settling.length > 0) this.#drain.runSoon();
  }
}
