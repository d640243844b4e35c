// SPDX-License-Identifier: Apache-2.0
// The first processes of containers, also where a runtime does not say them (crun exec sends 0).
import { keyOf } from './container-key.ts';
import type { ContainerKey } from './container-key.ts';
import type { ContainerProcessState } from './container-process-state.ts';
import { isSameProcess, knownProcess } from './known-process.ts';
import type { IdentityOf, KnownProcess } from './known-process.ts';

interface Known {
  readonly pid: number | undefined;
  /** Undefined also where it had ended by then. */
  readonly process: KnownProcess | undefined;
  /** User that has sent the container's state. */
  readonly uid: number;
  readonly users: number;
}

/** A listener of a container, until it is disposed of. */
export interface EnteredListener extends Disposable {
  /** The container's first process; undefined: nobody knows it, or not yet. */
  readonly firstPid: number | undefined;
  /**
   * Process to ask about, which takes as long as it likes; 0: the sender, for whom it has entered.
   * Undefined: there is nothing to ask.
   */
  readonly asked: number | undefined;
  /** Once it was asked. Null: it is none that counts. */
  answer(found: KnownProcess | null): void;
}

/** First processes by container, as long as any listener of the container lives. */
export class FirstPids {
  readonly #known: Map<ContainerKey, Known> = new Map();
  readonly #identityOf: IdentityOf;

  constructor(identityOf: IdentityOf) {
    this.#identityOf = identityOf;
  }

  /**
   * One more listener of a container. What others than root say counts only for processes of their
   * own that are no container of somebody else: containers are killed by their first processes, and
   * those of a pod may run as any user of the machine.
   * @param uid of the sender
   */
  enter(state: ContainerProcessState, uid: number): EnteredListener {
    const key = keyOf({ state, peerUid: uid });
    const known = this.#known.get(key);
    // a container of the same name may have been made anew, so what is said now counts most
    const said = state.containerPid === 0 ? known?.pid : state.containerPid;
    const isBelieved = uid === 0 && said !== undefined;
    const { pid, process } = isBelieved
      ? { pid: said, process: knownProcess(this.#identityOf, said) }
      : { pid: known?.pid, process: known?.process };
    this.#known.set(key, { pid, process, uid, users: (known?.users ?? 0) + 1 });
    const asked = isBelieved ? undefined : (said ?? 0);
    let firstPid = isBelieved ? said : undefined;
    let isOver = false;
    return {
      get firstPid() {
        return firstPid;
      },
      asked,
      answer: (found) => {
        if (!isOver && asked !== undefined) firstPid = this.#answer(key, asked, found);
      },
      [Symbol.dispose]: () => {
        if (!isOver) this.#leave(key);
        isOver = true;
      },
    };
  }

  /**
   * The first process of a container, as it was entered, if it lives. Time may have passed since: a
   * bundle was pulled for it.
   */
  living(key: ContainerKey, entered: number | undefined): number | undefined {
    const process = this.processOf(key);
    if (process === undefined || process.pid !== entered) return undefined;
    return isSameProcess(this.#identityOf, process) ? process.pid : undefined;
  }

  /** The first process of a container; undefined: nobody knows it. */
  processOf(key: ContainerKey): KnownProcess | undefined {
    return this.#known.get(key)?.process;
  }

  /** What nobody is, another listener of the container may know. */
  #answer(key: ContainerKey, asked: number, found: KnownProcess | null): number | undefined {
    const known = this.#known.get(key);
    if (known === undefined) return undefined;
    if (found === null || this.#isOfOthers(found, known.uid)) {
      if (asked === 0) return this.living(key, known.process?.pid);
      // it is nobody's any more
      if (asked === known.pid)
        this.#known.set(key, { ...known, pid: undefined, process: undefined });
      return undefined;
    }
    this.#known.set(key, { ...known, pid: found.pid, process: found });
    return found.pid;
  }

  /** Whether it is the first process of a container of another user's, or of root's. */
  #isOfOthers({ pid, identity }: KnownProcess, uid: number): boolean {
    if (uid === 0) return false;
    return [...this.#known.values()].some(
      ({ process, uid: other }) =>
        other !== uid && process?.pid === pid && process.identity === identity,
    );
  }

  #leave(key: ContainerKey): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    if (known.users <= 1) this.#known.delete(key);
    else this.#known.set(key, { ...known, users: known.users - 1 });
  }
}
