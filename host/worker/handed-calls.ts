// SPDX-License-Identifier: Apache-2.0
// Calls that helpers answer: whose they are, and who counts them, is known before what comes of them.
import type { AnswerSlots } from '../counting/counter-slots.ts';
import type { Syscall } from '../syscalls/syscalls.ts';
import type { Container } from './container.ts';

export interface HandedCall {
  readonly token: number;
  readonly tid: number;
  readonly syscall: Syscall | undefined;
  readonly container: Container;
  /** Counters of the call. */
  readonly slots: AnswerSlots;
}

export class HandedCalls {
  readonly #calls: Map<number, HandedCall> = new Map();
  #last = 0;

  /** @returns what the receiver names the call by */
  keep(call: HandedCall): number {
    this.#last = (this.#last + 1) % 2 ** 31;
    this.#calls.set(this.#last, call);
    return this.#last;
  }

  take(number: number): HandedCall | undefined {
    const call = this.#calls.get(number);
    this.#calls.delete(number);
    return call;
  }

  /** The receiver says nothing any more of calls of a container that has ended. */
  end(token: number): void {
    for (const [number, call] of this.#calls) {
      if (call.token === token) this.#calls.delete(number);
    }
  }
}
