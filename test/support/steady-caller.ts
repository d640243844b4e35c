// SPDX-License-Identifier: Apache-2.0
// A container that makes the same call all the while, so that one sees how it fares beside others.
import { setTimeout as pause } from 'node:timers/promises';

import { AskedCaller } from './asked-caller.ts';
import type { Asked, AskedCallerOptions } from './asked-caller.ts';

export interface SteadyCall extends Asked {
  /** By `performance.now()`. */
  readonly beganMs: number;
}

const pauseMs = 20;

export class SteadyCaller implements AsyncDisposable {
  readonly #caller: AskedCaller;
  readonly #calls: SteadyCall[] = [];
  readonly #ended: Promise<void>;
  #isOver = false;

  constructor(call: string, options: AskedCallerOptions) {
    this.#caller = new AskedCaller(options);
    this.#ended = this.#callOnAndOn(call);
    // whoever needs it awaits it; nobody else is to fail
    this.#ended.catch(() => undefined);
  }

  /** How many calls were answered. */
  get count(): number {
    return this.#calls.length;
  }

  /** Makes no further call. @returns all of them */
  async finish(): Promise<readonly SteadyCall[]> {
    this.#isOver = true;
    await this.#ended;
    return this.#calls;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#caller[Symbol.asyncDispose]();
  }

  async #callOnAndOn(call: string): Promise<void> {
    while (!this.#isOver) {
      const beganMs = performance.now();
      this.#calls.push({ ...(await this.#caller.ask(call)), beganMs });
      await pause(pauseMs);
    }
  }
}
