// SPDX-License-Identifier: Apache-2.0
// Threads that have not come to their end in time, such as those that look at a process which executes
// a program and whose files nobody closes. They cannot be ended, so there are only so many, and whose
// they are gets no further ones.

/**
 * At once: of a container, a user and a Kubernetes namespace. And of all users, and of all, from where on
 * only those get one that have none: who lets nothing hang is not refused for those who do.
 */
const most = { container: 2, user: 4, namespace: 8, users: 16, all: 32 } as const;
/** Of all, whoever has one. */
const mostEver = 128;

/** To whom one is counted. */
export interface HangingOwner {
  /** User that has sent the container; 0: root. */
  readonly uid: number;
  /** The container, and then its user or namespace, as `whoAsks` names them. */
  readonly who: readonly string[];
}

export class HangingWork {
  readonly #counts: Map<string, number> = new Map();

  /** Whether these get no further one. */
  isFull(owner: HangingOwner): boolean {
    if (this.#of('all') >= mostEver) return true;
    const own = ownCountsOf(owner);
    const isFirst = own.every(([name]) => this.#of(name) === 0);
    return (isFirst ? own : countsOf(owner)).some(([name, max]) => this.#of(name) >= max);
  }

  /** One more, until it is disposed of. */
  begin(owner: HangingOwner): Disposable {
    const names = countsOf(owner).map(([name]) => name);
    for (const name of names) this.#counts.set(name, this.#of(name) + 1);
    return {
      [Symbol.dispose]: () => {
        for (const name of names) {
          const left = this.#of(name) - 1;
          if (left > 0) this.#counts.set(name, left);
          else this.#counts.delete(name);
        }
      },
    };
  }

  #of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }
}

function countsOf(owner: HangingOwner): readonly (readonly [string, number])[] {
  const all: readonly [string, number] = ['all', most.all];
  const users: readonly [string, number] = ['users', most.users];
  return [...ownCountsOf(owner), all, ...(owner.uid === 0 ? [] : [users])];
}

function ownCountsOf({
  uid,
  who: [container, owner],
}: HangingOwner): readonly (readonly [string, number])[] {
  const counts: [string, number][] = [];
  if (container !== undefined) counts.push([container, most.container]);
  if (owner !== undefined) counts.push([owner, uid === 0 ? most.namespace : most.user]);
  return counts;
}
