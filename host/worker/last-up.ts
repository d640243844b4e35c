// SPDX-License-Identifier: Apache-2.0
// When a worker was last up: others take the places of those that are ended, which takes a moment.

const momentMs = 5000;

export class LastUp {
  #ms = performance.now();

  /** One has come up, or was up until now. */
  note(): void {
    this.#ms = performance.now();
  }

  get isLongAgo(): boolean {
    return performance.now() - this.#ms >= momentMs;
  }
}
