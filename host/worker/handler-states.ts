// SPDX-License-Identifier: Apache-2.0
// In the main thread: what the handlers of a bundle remember of a container, which may have several
// listeners.
import type { ContainerKey } from '../agent-socket/container-key.ts';
import type { Native, StateHandle } from '../native.ts';

/** Bytes that one such memory may have, keys and values together. */
export const mostStateBytes = 65_536;

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

  /** One for each handler: those of one bundle have the same one. */
  take(container: ContainerKey, bundles: readonly (string | undefined)[]): readonly StateHandle[] {
    const keys = new Map<string | undefined, string>();
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

  /**
   * The same for a listener whose handlers change. What a bundle that stays remembers, it goes on
   * remembering; calls that are being handled still use what they were given.
   * @returns all that are to be released in the end, and those of the new handlers
   */
  change(
    container: ContainerKey,
    held: readonly StateHandle[],
    bundles: readonly (string | undefined)[],
  ): { readonly held: readonly StateHandle[]; readonly states: readonly StateHandle[] } {
    const states = this.take(container, bundles);
    const isNew = (handle: StateHandle): boolean => !held.includes(handle);
    const added = states.filter(
      (handle, index) => isNew(handle) && states.indexOf(handle) === index,
    );
    // each is held once, however often handlers change
    const surplus = [...states];
    for (const handle of added) surplus.splice(surplus.indexOf(handle), 1);
    this.#forget(surplus);
    return { held: [...held, ...added], states };
  }

  /** A listener is gone. */
  release(handles: readonly StateHandle[]): void {
    this.#forget(handles);
  }

  #forget(handles: readonly StateHandle[]): void {
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
