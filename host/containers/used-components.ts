// SPDX-License-Identifier: Apache-2.0
// Which components listeners have: counted as these come, change and end, since each of them may have
// hundreds of handlers, and whoever looks for room asks again and again.
import type { LoadedComponent } from '../handler/direct.ts';

interface Used {
  readonly component: LoadedComponent;
  listeners: number;
}

export class UsedComponents {
  readonly #used: Map<string, Used> = new Map();

  /** Each once. */
  all(): readonly LoadedComponent[] {
    return [...this.#used.values()].map(({ component }) => component);
  }

  ids(): ReadonlySet<string> {
    return new Set(this.#used.keys());
  }

  /** A listener has these now. */
  add(components: readonly LoadedComponent[]): void {
    for (const component of new Set(components)) {
      const used = this.#used.get(component.id) ?? { component, listeners: 0 };
      used.listeners += 1;
      this.#used.set(component.id, used);
    }
  }

  /** A listener has these no more. */
  remove(components: readonly LoadedComponent[]): void {
    for (const { id } of new Set(components)) {
      const used = this.#used.get(id);
      if (used === undefined) continue;
      used.listeners -= 1;
      if (used.listeners === 0) this.#used.delete(id);
    }
  }
}
