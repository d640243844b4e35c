// SPDX-License-Identifier: Apache-2.0
// A repeated problem is logged at once, and then once a minute with its count.
import type { AgentEvent } from '../log/log-events.ts';
import type { Log } from '../log/log.ts';

const pauseMs = 60_000;

export class SeldomNotice implements Disposable {
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #count = 0;
  #event: AgentEvent | undefined;
  #fields: Readonly<Record<string, unknown>> = {};

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param count how many are concerned */
  tell(count: number, event: AgentEvent, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#count += count;
    this.#event = event;
    this.#fields = fields;
    if (this.#timer === undefined) this.#say();
  }

  /** Says what was not said yet. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#count > 0) this.#write();
  }

  #say(): void {
    this.#write();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#count > 0) this.#say();
    }, pauseMs);
    this.#timer.unref();
  }

  #write(): void {
    const fields = { ...this.#fields, count: this.#count };
    if (this.#event !== undefined) this.#log.event(this.#event, fields);
    this.#count = 0;
  }
}
