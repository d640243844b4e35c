// SPDX-License-Identifier: Apache-2.0
// A repeated problem is logged at once, and then once a minute with its count.
import type { Logger } from '../log.ts';

const pauseMs = 60_000;

export class SeldomNotice implements Disposable {
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #count = 0;
  #text = '';
  #fields: Readonly<Record<string, unknown>> = {};

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param count how many are concerned */
  tell(count: number, text: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#count += count;
    this.#text = text;
    this.#fields = fields;
    if (this.#timer === undefined) this.#say();
  }

  /** Says what was not said yet. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#count > 0) this.#log.warn({ ...this.#fields, count: this.#count }, this.#text);
    this.#count = 0;
  }

  #say(): void {
    this.#log.warn({ ...this.#fields, count: this.#count }, this.#text);
    this.#count = 0;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#count > 0) this.#say();
    }, pauseMs);
    this.#timer.unref();
  }
}
