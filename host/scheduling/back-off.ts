// SPDX-License-Identifier: Apache-2.0
// Waits before the next try: longer each time, and never as long as those of others.

export interface BackOffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
}

export class BackOff {
  readonly #limits: BackOffLimits;
  #next: number;

  constructor(limits: BackOffLimits) {
    this.#limits = limits;
    this.#next = limits.firstMs;
  }

  /** Half of it is by chance: a server that comes back is not to be asked by all nodes at once. */
  next(): number {
    const pause = this.#next;
    this.#next = Math.min(pause * 2, this.#limits.maxMs);
    return (pause * (1 + Math.random())) / 2;
  }

  reset(): void {
    this.#next = this.#limits.firstMs;
  }
}
