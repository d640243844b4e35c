// SPDX-License-Identifier: Apache-2.0
// In the main thread: a number for each container, which all of its listeners have in common: what
// is bounded for a container is counted there.
import type { ContainerKey } from '../container-key.ts';
import { IndexPool } from './index-pool.ts';

/** Containers past them share one more. */
export const mostPlaces = 16_384;

interface Taken {
  readonly place: number;
  listeners: number;
}

export class ContainerPlaces {
  readonly #indexes = new IndexPool(mostPlaces);
  readonly #byKey: Map<ContainerKey, Taken> = new Map();

  /** For a listener. */
  take(key: ContainerKey): number {
    const taken = this.#byKey.get(key) ?? { place: this.#indexes.take(), listeners: 0 };
    taken.listeners += 1;
    this.#byKey.set(key, taken);
    return taken.place;
  }

  /**
   * A listener is gone.
   * @returns whether it was the container's last one: another container may have its place now
   */
  release(key: ContainerKey): boolean {
    const taken = this.#byKey.get(key);
    if (taken === undefined) return false;
    taken.listeners -= 1;
    if (taken.listeners > 0) return false;
    this.#byKey.delete(key);
    this.#indexes.giveBack(taken.place);
    return true;
  }
}
