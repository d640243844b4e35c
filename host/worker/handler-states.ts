// SPDX-License-Identifier: Apache-2.0
// In the main thread: the states that a bundle's handlers keep of a container, for all of its listeners.
import { userOf } from '../agent-socket/container-key.ts';
import type { ContainerKey } from '../agent-socket/container-key.ts';
import type { Native, StateHandle } from '../native.ts';
import { memoryLimit } from '../process/memory-limit.ts';

/** Bytes that one such memory may have, keys and values together. */
export const maxStateBytes = 65_536;

const mebibyte = 2 ** 20;
const boundless = 0xffff_ffff;
/** Of the containers of one user: of root's, each has as many as its bundles may have. */
const userBytes = 16 * mebibyte;
/** Of the agent's memory, for the states of all containers. */
const partOfAll = { users: 1 / 16, root: 1 / 8 } as const;
/** Beside it: a user, or a container of root, that has little has it also where others have filled the rest. */
const partDivided = 1 / 32;

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
  readonly #memoryBytes: number;
  readonly #byKey: Map<string, Shared> = new Map();
  readonly #byHandle: Map<StateHandle, Shared> = new Map();

  constructor(
    native: Pick<Native, 'createState' | 'closeState'>,
    memoryBytes: number = memoryLimit(),
  ) {
    this.#native = native;
    this.#memoryBytes = memoryBytes;
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
      const shared = this.#byKey.get(key) ?? this.#make(container, key);
      shared.users += 1;
      return shared.handle;
    });
  }

  #make(container: ContainerKey, key: string): Shared {
    const shared = { key, handle: this.#create(container), users: 0 };
    this.#byKey.set(key, shared);
    this.#byHandle.set(shared.handle, shared);
    return shared;
  }

  #create(container: ContainerKey): StateHandle {
    const user = userOf(container);
    const part = (of: number): number => Math.min(boundless, Math.floor(this.#memoryBytes * of));
    const divided = part(partDivided);
    return user === 0
      ? this.#native.createState(0, container, boundless, part(partOfAll.root), divided)
      : this.#native.createState(1, `${user}`, userBytes, part(partOfAll.users), divided);
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
