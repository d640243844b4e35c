// SPDX-License-Identifier: Apache-2.0
// Calls that helpers answer: who counts them is known before what comes of them.
import type { AnswerSlots } from '../counting/counter-slots.ts';

interface HandedCall {
  readonly token: number;
  readonly slots: AnswerSlots;
}

export class HandedCalls {
  readonly #calls: Map<number, HandedCall> = new Map();
  #last = 0;

  /** @returns what the receiver names the call by */
  keep(token: number, slots: AnswerSlots): number {
    this.#last = (this.#last + 1) % 2 ** 31;
    this.#calls.set(this.#last, { token, slots });
    return this.#last;
  }

  take(number: number): AnswerSlots | undefined {
    const slots = this.#calls.get(number)?.slots;
    this.#calls.delete(number);
    return slots;
  }

  /** The receiver says nothing any more of calls of a container that has ended. */
  end(token: number): void {
    for (const [number, call] of this.#calls) {
      if (call.token === token) this.#calls.delete(number);
    }
  }
}
