// SPDX-License-Identifier: Apache-2.0
// In the main thread: the states that a bundle's handlers keep of a container, for all of its listeners.
import type { ContainerKey } from '../agent-socket/container-key.ts';
import type { Native, StateHandle } from '../native.ts';

/** Bytes that one such memory may have, keys and values together. */
export const maxStateBytes = 65_536;

/** The name of a handler's bundle; undefined: it is of none. */
type Bundle = string | undefined;

/** The states of one listener's handlers, until it is disposed of. */
export interface ListenerStates extends Disposable {
  /** Those of the handlers that it came with. */
  readonly first: readonly StateHandle[];
  /**
   * Its handlers change. The state of a bundle that stays is kept; calls that are being handled still
   * use the states that they were given, so these are released at the listener's end.
   * @returns those of the new handlers
   */
  change(bundles: readonly Bundle[]): readonly StateHandle[];
}

interface Shared {
  readonly key: string;
  readonly handle: StateHandle;
  /** Handlers of all listeners that use it. */
  users: number;
}

export class HandlerStates {
  readonly #native: Pick<Native, 'createState' | 'closeState'>;
  readonly #byKey: Map<string, Shared> = new Map();
  readonly #byHandle: Map<StateHandle, Shared> = new Map();

  constructor(native: Pick<Native, 'createState' | 'closeState'>) {
    this.#native = native;
  }

  /** One more listener of a container, with one state for each handler: one bundle's handlers share it. */
  enter(container: ContainerKey, bundles: readonly Bundle[]): ListenerStates {
    const first = this.#take(container, bundles);
    let held = first;
    return {
      first,
      change: (next) => {
        const states = this.#take(container, next);
        const added = [...new Set(states)].filter((handle) => !held.includes(handle));
        // each is held once, however often handlers change
        const surplus = [...states];
        for (const handle of added) surplus.splice(surplus.indexOf(handle), 1);
        this.#release(surplus);
        held = [...held, ...added];
        return states;
      },
      [Symbol.dispose]: () => {
        this.#release(held);
      },
    };
  }

  #take(container: ContainerKey, bundles: readonly Bundle[]): readonly StateHandle[] {
    const keys = new Map<Bundle, string>();
    for (const bundle of new Set(bundles)) keys.set(bundle, JSON.stringify([container, bundle]));
    return bundles.map((bundle) => {
      const key = keys.get(bundle) ?? '';
      const shared = this.#byKey.get(key) ?? this.#make(key);
      shared.users += 1;
      return shared.handle;
    });
  }

  #make(key: string): Shared {
    const shared = { key, handle: this.#native.createState(), users: 0 };
    this.#byKey.set(key, shared);
    this.#byHandle.set(shared.handle, shared);
    return shared;
  }

  #release(handles: readonly StateHandle[]): void {
    for (const handle of handles) {
      const shared = this.#byHandle.get(handle);
      if (shared === undefined) continue;
      shared.users -= 1;
      if (shared.users > 0) continue;
      this.#byKey.delete(shared.key);
      this.#byHandle.delete(handle);
      this.#native.closeState(handle);
    }
  }
}
