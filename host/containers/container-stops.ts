// SPDX-License-Identifier: Apache-2.0
// Stops of containers whose calls have failed, one at a time for each container: it may have thousands
// of processes, and fail as often as it likes. Each takes a thread, so that they take turns as well.
import { keyOf } from '../agent-socket/container-key.ts';
import type { ContainerKey } from '../agent-socket/container-key.ts';
import type { UserLines } from '../log/user-lines.ts';
import type { ContainerStop } from '../registry/policy.ts';
import { shownContainer } from '../registry/shown-container.ts';
import { errnoNumber } from '../syscalls/errno.ts';
import { isFrozenBy, stopPauseMs, tellStop, ToldStops } from '../worker/container-stop.ts';
import type { ListenerNote } from '../worker/thread-messages.ts';
import type { Attached } from './attached.ts';
import { OwnerTurns, TurnRefusal } from './owner-turns.ts';

export interface ContainerStopsParts {
  /** By one of its listeners; 0 or a positive errno. */
  readonly act: (stop: ContainerStop, token: number) => Promise<number>;
  /** Of a container that is to be killed: waits for nobody. */
  readonly killFirst: (token: number) => void;
  readonly lines: UserLines;
  readonly onNote: (note: ListenerNote) => void;
}

/** Users may have any number of containers and of processes. */
const limits = { root: 4, users: 2, user: 1, lastMs: 10_000 } as const;

type Stopped = Pick<Attached, 'identity' | 'registry'>;

export class ContainerStops {
  readonly #parts: ContainerStopsParts;
  readonly #told = new ToldStops();
  /** Those that are stopped now, or were refused a moment ago. */
  readonly #stopping: Set<ContainerKey> = new Set();
  readonly #turns = new OwnerTurns(limits);

  constructor(parts: ContainerStopsParts) {
    this.#parts = parts;
  }

  /** As those of `OwnerTurns`. */
  get areBusy(): boolean {
    return this.#turns.areBusy;
  }

  /** Not again for what fails meanwhile. The failed call is answered in any case. */
  stop(stop: ContainerStop, token: number, stopped: Stopped): void {
    const key = keyOf(stopped.identity);
    if (this.#stopping.has(key)) return;
    this.#stopping.add(key);
    void this.#carryOut(stop, token, stopped);
  }

  async #carryOut(stop: ContainerStop, token: number, stopped: Stopped): Promise<void> {
    const { lines, onNote } = this.#parts;
    const { identity, registry } = stopped;
    const key = keyOf(identity);
    const errno = await this.#act(stop, token, stopped);
    const isFrozen = isFrozenBy(stop, errno);
    if (this.#told.take(key) || isFrozen) {
      const shown = shownContainer(registry, identity);
      tellStop(stop, errno, {
        tell: (event, fields) => {
          lines.tell(identity, event, fields);
        },
        shown,
        onNote: (note) => {
          onNote({ token, ...note });
        },
      });
    }
    if (isFrozen) this.#stopping.delete(key);
    else setTimeout(() => this.#stopping.delete(key), stopPauseMs).unref();
  }

  /** In its turn. ETIMEDOUT: its processes do not let anybody look at them. */
  async #act(stop: ContainerStop, token: number, stopped: Stopped): Promise<number> {
    const { identity, registry } = stopped;
    const { workload } = registry;
    const asking = workload === undefined ? identity : { ...identity, workload };
    const act = async (): Promise<number> => this.#parts.act(stop, token);
    try {
      return (await this.#turns.take(asking, () => true, act)) ?? 0;
    } catch (thrown) {
      if (!(thrown instanceof TurnRefusal)) throw thrown;
      if (stop === 'kill-container') this.#parts.killFirst(token);
      return errnoNumber('ETIMEDOUT');
    }
  }
}
