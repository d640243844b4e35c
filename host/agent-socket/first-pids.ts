// SPDX-License-Identifier: Apache-2.0
// Finds a container's first process where a runtime does not say it (crun exec sends 0).
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

import { keyOf } from './container-key.ts';
import type { ContainerKey } from './container-key.ts';
import type { ContainerProcessState } from './container-process-state.ts';

/** The pid namespace of a process's children as a link's text; undefined when it is gone. */
function pidNamespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid_for_children`);
  } catch {
    return undefined;
  }
}

/** A runtime has few. */
const maxChildren = 16;

function childrenOf(pid: string): readonly string[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return children.slice(0, maxChildren);
  } catch {
    return [];
  }
}

/** When a process began, in ticks since the machine did; undefined when it is gone. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // the second field, the name, may hold anything; behind it the third one follows
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Another one may get its number. */
export interface KnownProcess {
  readonly pid: number;
  readonly startTime: string;
}

/** Whether it is still there. */
export function isSameProcess({ pid, startTime }: KnownProcess): boolean {
  return startTimeOf(pid) === startTime;
}

interface Known {
  readonly pid: number | undefined;
  /** Of that process: another one may get its number. */
  readonly startTime: string | undefined;
  /** User that has sent the container's state. */
  readonly uid: number;
  readonly users: number;
}

/** A listener of a container, until it is disposed of. */
export interface EnteredListener extends Disposable {
  /** The container's first process; undefined: nobody knows it. */
  readonly firstPid: number | undefined;
}

/** Sender of a state: the runtime, or its child inside the container. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
}

/** Whether a process is the first of its own pid namespace. */
function isFirst(pid: string): boolean {
  try {
    const line = /^NSpid:(?<pids>.*)$/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return line?.groups?.['pids']?.trim().split(/\s+/u).at(-1) === '1';
  } catch {
    return false;
  }
}

/** Looks through all processes, for kernels that do not tell (before 6.11). */
function firstPidOf(namespace: string): number | undefined {
  const first = readdirSync('/proc').find(
    (name) => /^\d+$/u.test(name) && pidNamespaceOf(name) === namespace && isFirst(name),
  );
  return first === undefined ? undefined : Number(first);
}

/** Knowledge of the addon about processes. */
export interface ProcessFacts {
  /** Whether a process is a user's. */
  readonly isOf: (pid: number, uid: number) => boolean;
  /** The first process of the pid namespace of a process's children; 0: the kernel does not say. */
  readonly firstOf: (pid: number) => number;
}

/** First processes by container, as long as any listener of the container lives. */
export class FirstPids {
  readonly #known: Map<ContainerKey, Known> = new Map();
  readonly #facts: ProcessFacts;

  constructor(facts: ProcessFacts) {
    this.#facts = facts;
  }

  /**
   * One more listener of a container. What others than root say counts only for processes of their
   * own that are no container of somebody else: containers are killed by their first processes, and
   * those of a pod may run as any user of the machine.
   */
  enter(state: ContainerProcessState, peer: Peer): EnteredListener {
    const key = keyOf({ state, peerUid: peer.uid });
    const known = this.#known.get(key);
    // a container of the same name may have been made anew, so what is said now counts most
    const said = state.containerPid === 0 ? known?.pid : state.containerPid;
    const found = said ?? this.#firstEnteredBy(peer);
    const pid = found !== undefined && this.#isTheirs(found, peer.uid) ? found : undefined;
    const startTime = pid === undefined ? undefined : startTimeOf(pid);
    this.#known.set(key, { pid, startTime, uid: peer.uid, users: (known?.users ?? 0) + 1 });
    return {
      firstPid: pid,
      [Symbol.dispose]: () => {
        this.#leave(key);
      },
    };
  }

  /**
   * The first process of a container, as `enter` has given it, if it lives. Time may have passed since:
   * a bundle was pulled for it.
   */
  living(key: ContainerKey, entered: number | undefined): number | undefined {
    const known = this.#known.get(key);
    if (known?.pid === undefined || known.startTime === undefined) return undefined;
    if (known.pid !== entered) return undefined;
    return startTimeOf(known.pid) === known.startTime ? known.pid : undefined;
  }

  /** The first process of a container; undefined: nobody knows it. */
  processOf(key: ContainerKey): KnownProcess | undefined {
    const { pid, startTime } = this.#known.get(key) ?? {};
    return pid === undefined || startTime === undefined ? undefined : { pid, startTime };
  }

  #isTheirs(pid: number, uid: number): boolean {
    if (uid === 0) return true;
    return this.#facts.isOf(pid, uid) && !this.#isOfOthers(pid, uid);
  }

  /** Whether it is the first process of a container of another user's, or of root's. */
  #isOfOthers(pid: number, uid: number): boolean {
    const startTime = startTimeOf(pid);
    return [...this.#known.values()].some(
      (known) => known.pid === pid && known.uid !== uid && known.startTime === startTime,
    );
  }

  /**
   * The first process of the container that a runtime, or its child, has entered by now: for the rare
   * case that nobody knows better. For users no processes are looked through: there may be thousands.
   */
  #firstEnteredBy({ pid, uid }: Peer): number | undefined {
    const own = pidNamespaceOf('self');
    for (const entered of [String(pid), ...childrenOf(String(pid))]) {
      const namespace = pidNamespaceOf(entered);
      if (namespace === undefined || namespace === own) continue;
      const told = this.#facts.firstOf(Number(entered));
      if (told !== 0) return told;
      return uid === 0 ? firstPidOf(namespace) : undefined;
    }
    return undefined;
  }

  #leave(key: ContainerKey): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    if (known.users <= 1) this.#known.delete(key);
    else this.#known.set(key, { ...known, users: known.users - 1 });
  }
}
