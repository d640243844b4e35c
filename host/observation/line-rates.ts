// SPDX-License-Identifier: Apache-2.0
// Bytes of lines that each container may add to a file: a stock that fills up again with time. So none
// can fill the disk, nor have the lines of others rotated away.
import type { WatchedContainer } from './decision.ts';

export type LineKind = 'usual' | 'other';

/** The stock is what comes in so many seconds. */
const stockSeconds = 128;
/** Of the stock, for calls that just continue. */
const usualShare = 3 / 4;
/** A user may have any number of containers: all of them have as much as these. */
const containersOfUser = 4;

class Stock {
  readonly #perMs: number;
  readonly #size: number;
  #left: number;
  #at: number;

  constructor(bytesPerSecond: number, now: number) {
    this.#perMs = bytesPerSecond / 1000;
    this.#size = bytesPerSecond * stockSeconds;
    this.#left = this.#size;
    this.#at = now;
  }

  has(bytes: number, kind: LineKind, now: number): boolean {
    this.#left = Math.min(this.#size, this.#left + (now - this.#at) * this.#perMs);
    this.#at = now;
    const kept = kind === 'usual' ? this.#size * (1 - usualShare) : 0;
    return this.#left - bytes >= kept;
  }

  take(bytes: number): void {
    this.#left -= bytes;
  }
}

export type LineOwner = Pick<WatchedContainer, 'peerUid'>;

export class LineRates {
  readonly #bytesPerSecond: number;
  readonly #ofContainers: WeakMap<LineOwner, Stock> = new WeakMap();
  /** Each is one that the agent allows. */
  readonly #ofUsers: Map<number, Stock> = new Map();

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** @returns whether the container, and its user if that is not root, may still write so much */
  take(owner: LineOwner, bytes: number, kind: LineKind): boolean {
    const now = performance.now();
    const stocks = [this.#ofContainer(owner, now), this.#ofUser(owner, now)];
    if (stocks.some((stock) => stock?.has(bytes, kind, now) === false)) return false;
    for (const stock of stocks) stock?.take(bytes);
    return true;
  }

  #ofContainer(owner: LineOwner, now: number): Stock {
    const stock = this.#ofContainers.get(owner) ?? new Stock(this.#bytesPerSecond, now);
    this.#ofContainers.set(owner, stock);
    return stock;
  }

  #ofUser({ peerUid = 0 }: LineOwner, now: number): Stock | undefined {
    if (peerUid === 0) return undefined;
    const rate = this.#bytesPerSecond * containersOfUser;
    const stock = this.#ofUsers.get(peerUid) ?? new Stock(rate, now);
    this.#ofUsers.set(peerUid, stock);
    return stock;
  }
}
