// SPDX-License-Identifier: Apache-2.0
// Work that anybody may ask for as often as they like. It is done once at a time, for all who ask
// until it is done, and the next time after a pause.
import { setTimeout as pause } from 'node:timers/promises';

export interface PacedParts<T> {
  readonly work: () => Promise<T>;
  /** Before the next time. */
  readonly pauseMs: (tookMs: number) => number;
  /** For so long a result is given again. */
  readonly keptMs: (result: T) => number;
}

export class Paced<T> {
  readonly #parts: PacedParts<T>;
  #running: Promise<T> | undefined;
  #kept: { readonly result: T; readonly untilMs: number } | undefined;
  #nextMs = 0;

  constructor(parts: PacedParts<T>) {
    this.#parts = parts;
  }

  /** @throws what the work throws, to all who have waited for it */
  async ask(): Promise<T> {
    if (this.#kept !== undefined && performance.now() < this.#kept.untilMs) {
      return this.#kept.result;
    }
    this.#kept = undefined;
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<T> {
    const { work, pauseMs, keptMs } = this.#parts;
    const waitMs = this.#nextMs - performance.now();
    if (waitMs > 0) await pause(waitMs);
    const beganMs = performance.now();
    try {
      const result = await work();
      this.#kept = { result, untilMs: performance.now() + keptMs(result) };
      return result;
    } finally {
      const nowMs = performance.now();
      this.#nextMs = nowMs + pauseMs(nowMs - beganMs);
      this.#running = undefined;
    }
  }
}
