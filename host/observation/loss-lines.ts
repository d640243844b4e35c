// SPDX-License-Identifier: Apache-2.0
// Number of missing decisions of each container, told now and then by writers that leave some out.
import type { WatchedContainer } from './decision.ts';

const pauseMs = 1000;

export class LossLines implements Disposable {
  readonly #write: (container: WatchedContainer, lost: number) => boolean;
  readonly #lost: Map<WatchedContainer, number> = new Map();
  #timer: NodeJS.Timeout | undefined;

  /** @param write says whether there was room for it; it is tried again where there was not */
  constructor(write: (container: WatchedContainer, lost: number) => boolean) {
    this.#write = write;
  }

  add(container: WatchedContainer, count: number): void {
    this.#lost.set(container, count + (this.#lost.get(container) ?? 0));
    this.#tellLater();
  }

  /** Tells what was not told yet, as far as there is room. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#tell();
  }

  #tellLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#tell();
      if (this.#lost.size > 0) this.#tellLater();
    }, pauseMs).unref();
  }

  #tell(): void {
    for (const [container, lost] of this.#lost) {
      if (this.#write(container, lost)) this.#lost.delete(container);
    }
  }
}
