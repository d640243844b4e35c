// SPDX-License-Identifier: Apache-2.0
// Stops of containers whose calls have failed, one at a time for each container: it may have thousands
// of processes, and fail as often as it likes. Each takes a thread, so that they take turns as well.
import { keyOf } from '../agent-socket/container-key.ts';
import type { ContainerKey } from '../agent-socket/container-key.ts';
import type { UserLines } from '../log/user-lines.ts';
import type { ContainerStop } from '../registry/policy.ts';
import { shownContainer } from '../registry/shown-container.ts';
import { whoAsks } from '../resolvers/who-asks.ts';
import { Askers } from '../scheduling/asker.ts';
import { Turns } from '../scheduling/turns.ts';
import type { Wish } from '../scheduling/turns.ts';
import { isFrozenBy, stopPauseMs, tellStop, ToldStops } from '../worker/container-stop.ts';
import type { ListenerNote } from '../worker/thread-messages.ts';
import type { Attached } from './attached.ts';

export interface ContainerStopsParts {
  /** By one of its listeners; 0 or a positive errno. */
  readonly act: (stop: ContainerStop, token: number) => Promise<number>;
  readonly lines: UserLines;
  readonly onNote: (note: ListenerNote) => void;
}

/** Users may have any number of containers and of processes: root's containers do not wait for those. */
const atOnce = { ofRoot: 4, ofUsers: 2, ofUser: 1 } as const;

type Stopped = Pick<Attached, 'identity' | 'registry'>;

export class ContainerStops {
  readonly #parts: ContainerStopsParts;
  readonly #told = new ToldStops();
  /** Those that are stopped now, or were refused a moment ago. */
  readonly #stopping: Set<ContainerKey> = new Set();
  readonly #ofRoot = new Turns(atOnce.ofRoot);
  readonly #ofUsers = new Turns(atOnce.ofUsers);
  readonly #ofUser: Map<number, Turns> = new Map();

  constructor(parts: ContainerStopsParts) {
    this.#parts = parts;
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

  /** In its turn. */
  async #act(
    stop: ContainerStop,
    token: number,
    { identity, registry: { workload } }: Stopped,
  ): Promise<number> {
    const who = whoAsks(workload === undefined ? identity : { ...identity, workload });
    let errno = 0;
    const act = async (): Promise<void> => {
      errno = await this.#parts.act(stop, token);
    };
    const wish = (): Wish => ({ askers: new Askers({ who }), costMs: 0 });
    const { peerUid = 0 } = identity;
    if (peerUid === 0) await this.#ofRoot.take(wish(), act);
    else {
      const own = this.#ofUser.get(peerUid) ?? new Turns(atOnce.ofUser);
      this.#ofUser.set(peerUid, own);
      await own.take(wish(), async () => this.#ofUsers.take(wish(), act));
    }
    return errno;
  }
}
