// SPDX-License-Identifier: Apache-2.0
// A bounded queue of events on their way to somebody who may be slow, silent or away. What comes
// when it is full is lost: what was there first is what an attack began with. Each container has a
// fair part of it.
import { setTimeout as pause } from 'node:timers/promises';

import { FairRoom } from './fair-room.ts';

/** `away`: there is nobody to take it, so that it is tried again; the others are the end of it. */
export type DeliveryResult = 'sent' | 'failed' | 'away';

export interface DeliveryCounts {
  readonly sent: number;
  readonly failed: number;
  readonly lost: number;
}

interface Waiting<T> {
  readonly event: T;
  readonly owner: object;
}

export interface DeliveryParts<T> {
  /** Has a deadline of its own. Where it rejects, the event has failed. */
  readonly deliver: (event: T) => Promise<DeliveryResult>;
  /** Largest number of deliveries at a time. */
  readonly maxAtOnce: number;
  readonly maxWaiting: number;
  /** Told of events that come to nothing, and of what was thrown. */
  readonly onUndelivered: (result: 'failed' | 'lost', count: number, thrown?: unknown) => void;
}

const firstPauseMs = 50;
const longestPauseMs = 2000;
/** At the end: how long the rest may take. */
const endPatienceMs = 2000;

export class Delivery<T> implements AsyncDisposable {
  readonly #parts: DeliveryParts<T>;
  readonly #counts = { sent: 0, failed: 0, lost: 0 };
  /** Those at `#first` and behind. */
  #waiting: Waiting<T>[] = [];
  readonly #room: FairRoom<object>;
  #first = 0;
  #senders = 0;
  #isAway = false;
  #pauseMs = firstPauseMs;
  #hasEnded = false;
  #onIdle: (() => void) | undefined;
  readonly #ending = new AbortController();

  constructor(parts: DeliveryParts<T>) {
    this.#parts = parts;
    this.#room = new FairRoom(parts.maxWaiting);
  }

  get counts(): DeliveryCounts {
    return this.#counts;
  }

  /** @param owner the container that it is about */
  add(event: T, owner: object): void {
    if (this.#hasEnded || !this.#room.take(owner, 1)) {
      this.#undelivered('lost', 1);
      return;
    }
    this.#waiting.push({ event, owner });
  }

  /** Sends what was added. */
  flush(): void {
    while (this.#maySend()) {
      this.#senders += 1;
      void this.#send();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.flush();
    await this.#idle();
    this.#hasEnded = true;
    this.#ending.abort();
    const left = this.#waitingCount();
    this.#waiting = [];
    this.#first = 0;
    if (left > 0) this.#undelivered('lost', left);
  }

  #waitingCount(): number {
    return this.#waiting.length - this.#first;
  }

  /** While nobody is there, one at a time finds out whether somebody is. */
  #maySend(): boolean {
    if (this.#waitingCount() === 0 || this.#hasEnded) return false;
    return this.#senders < (this.#isAway ? 1 : this.#parts.maxAtOnce);
  }

  #take(): T | undefined {
    const next = this.#waiting[this.#first];
    if (next === undefined) return undefined;
    this.#first += 1;
    this.#room.giveBack(next.owner, 1);
    // now and then, so that taking one costs nothing
    if (this.#first > 1024 || this.#first === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
    return next.event;
  }

  async #send(): Promise<void> {
    for (let event = this.#take(); event !== undefined; event = this.#next()) {
      await this.#sendOne(event);
    }
    this.#senders -= 1;
    if (this.#senders === 0 && this.#waitingCount() === 0) this.#onIdle?.();
    this.flush();
  }

  /** It never rejects: whoever cannot be told is nothing to the agent. */
  async #sendOne(event: T): Promise<void> {
    try {
      let result = await this.#parts.deliver(event);
      while (result === 'away' && (await this.#pause())) {
        result = await this.#parts.deliver(event);
      }
      this.#count(result);
    } catch (thrown) {
      this.#undelivered('failed', 1, thrown);
    }
  }

  #next(): T | undefined {
    return this.#waitingCount() === 0 || this.#hasEnded ? undefined : this.#take();
  }

  #count(result: DeliveryResult): void {
    if (result === 'sent') {
      this.#counts.sent += 1;
      this.#isAway = false;
      this.#pauseMs = firstPauseMs;
      // the others may go on
      this.flush();
    } else {
      this.#undelivered(result === 'away' ? 'lost' : 'failed', 1);
    }
  }

  /** @returns whether there is time to go on */
  async #pause(): Promise<boolean> {
    this.#isAway = true;
    const waited = this.#pauseMs;
    this.#pauseMs = Math.min(2 * waited, longestPauseMs);
    const { signal } = this.#ending;
    return pause(waited, true, { signal, ref: false }).catch(() => false);
  }

  #undelivered(result: 'failed' | 'lost', count: number, thrown?: unknown): void {
    this.#counts[result] += count;
    this.#parts.onUndelivered(result, count, thrown);
  }

  async #idle(): Promise<void> {
    if (this.#senders === 0) return;
    await new Promise<void>((resolve) => {
      const patience = setTimeout(resolve, endPatienceMs);
      this.#onIdle = () => {
        clearTimeout(patience);
        resolve();
      };
    });
  }
}
