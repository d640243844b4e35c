// SPDX-License-Identifier: Apache-2.0
// The life of one listener of a container: everything that the parts of the agent keep of it, which
// they give up together, at its end or when it cannot be attached.

/** Parts are left in reverse order, each once. */
export class ContainerLife implements Disposable {
  readonly #held = new DisposableStack();

  get isOver(): boolean {
    return this.#held.disposed;
  }

  /** Keeps an entry in a part until the end; at once it is given up where the life is over already. */
  hold<T extends Disposable>(entry: T): T {
    if (this.#held.disposed) entry[Symbol.dispose]();
    else this.#held.use(entry);
    return entry;
  }

  [Symbol.dispose](): void {
    this.#held.dispose();
  }
}

/** All listeners that are attached or about to be: the agent's own end is theirs. */
export class ContainerLives implements Disposable {
  readonly #all: Set<ContainerLife> = new Set();
  #isOver = false;

  begin(): ContainerLife {
    const life = new ContainerLife();
    this.#all.add(life);
    life.hold({
      [Symbol.dispose]: () => {
        this.#all.delete(life);
      },
    });
    if (this.#isOver) life[Symbol.dispose]();
    return life;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    // an end that fails leaves no other one out
    using ends = new DisposableStack();
    for (const life of this.#all) ends.use(life);
  }
}
