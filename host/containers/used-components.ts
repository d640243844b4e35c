// SPDX-License-Identifier: Apache-2.0
// Components of listeners: counted as these come, change and end, since each of them may have hundreds
// of handlers, and the search for room asks again and again.
import type { CodeSize } from '../bundles/code-room.ts';
import type { LoadedComponent } from '../handler/direct.ts';

interface Used {
  readonly component: LoadedComponent;
  listeners: number;
}

type ById = Map<string, Used>;

/** The components of one listener, until it is disposed of. */
export interface UsedByListener extends Disposable {
  /** It has these now, and no others any more. */
  replace(components: readonly LoadedComponent[], owner: string): void;
}

interface Own {
  readonly components: readonly LoadedComponent[];
  readonly owner: string;
}

export class UsedComponents {
  readonly #ofAll: ById = new Map();
  readonly #byOwner: Map<string, ById> = new Map();
  /** Of each owner, what none of its containers has any more, and workers may. */
  readonly #left: Map<string, Map<string, CodeSize>> = new Map();

  /** Each once. */
  all(): readonly LoadedComponent[] {
    return componentsIn(this.#ofAll);
  }

  /** Those of one owner. */
  of(owner: string): readonly LoadedComponent[] {
    return componentsIn(this.#byOwner.get(owner) ?? new Map());
  }

  /**
   * Those that an owner's containers had: where workers still have them, they are still the owner's.
   * @param held ids of what workers have
   */
  leftOf(owner: string, held: ReadonlySet<string>): readonly CodeSize[] {
    const left = this.#left.get(owner)?.values() ?? [];
    return [...left].filter(({ id }) => held.has(id));
  }

  /** Forgets who had those that no worker has any more. */
  keepLeft(held: ReadonlySet<string>): void {
    for (const [owner, left] of this.#left) {
      for (const id of left.keys()) if (!held.has(id)) left.delete(id);
      if (left.size === 0) this.#left.delete(owner);
    }
  }

  ids(): ReadonlySet<string> {
    return new Set(this.#ofAll.keys());
  }

  /** One more listener, which has none yet. */
  enter(): UsedByListener {
    let own: Own | undefined;
    const replace = (next: Own | undefined): void => {
      // first: what it goes on having is there all the time
      if (next !== undefined) this.#add(next);
      if (own !== undefined) this.#remove(own);
      own = next;
    };
    return {
      replace: (components, owner) => {
        replace({ components, owner });
      },
      [Symbol.dispose]: () => {
        replace(undefined);
      },
    };
  }

  #add({ components, owner }: Own): void {
    const own: ById = this.#byOwner.get(owner) ?? new Map();
    this.#byOwner.set(owner, own);
    for (const component of new Set(components)) {
      count(this.#ofAll, component, 1);
      count(own, component, 1);
    }
  }

  #remove({ components, owner }: Own): void {
    const own: ById = this.#byOwner.get(owner) ?? new Map();
    const left = this.#left.get(owner) ?? new Map<string, CodeSize>();
    this.#left.set(owner, left);
    for (const component of new Set(components)) {
      count(this.#ofAll, component, -1);
      count(own, component, -1);
      const { id, codeBytes } = component;
      if (!own.has(id)) left.set(id, { id, codeBytes });
    }
    if (own.size === 0) this.#byOwner.delete(owner);
  }
}

function componentsIn(byId: ById): readonly LoadedComponent[] {
  return [...byId.values()].map(({ component }) => component);
}

function count(byId: ById, component: LoadedComponent, more: number): void {
  const used = byId.get(component.id) ?? { component, listeners: 0 };
  used.listeners += more;
  if (used.listeners > 0) byId.set(component.id, used);
  else byId.delete(component.id);
}
