// SPDX-License-Identifier: Apache-2.0
// Listeners that come to the agent, from runtimes and of launched commands: from their arrival until
// they are attached.
import type { Arrival } from '../agent-socket/agent-socket.ts';
import { keyOf } from '../agent-socket/container-key.ts';
import { refusalOfCommand } from '../agent-socket/filter-flags.ts';
import type { FilterFlags } from '../agent-socket/filter-flags.ts';
import type { EnteredListener, FirstPids } from '../agent-socket/first-pids.ts';
import { believedWorkload } from '../agent-socket/workload.ts';
import type { CounterSum } from '../counting/counter-sum.ts';
import { AgentError } from '../errors.ts';
import type { LaunchHandle, Native, ReceiverHandle, Token } from '../native.ts';
import { mountedNamesIn } from '../kubernetes/pod-place.ts';
import { shownContainer } from '../registry/shown-container.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import { whileWanted } from '../scheduling/asker.ts';
import type { IsWanted } from '../scheduling/asker.ts';
import { ownerNumber, termsOf } from './attached.ts';
import type { Attached, Resolved } from './attached.ts';
import type { Attachments, Entering } from './attachments.ts';
import { commonState } from './common-parts.ts';
import type { ContainerLife, ContainerLives } from './container-life.ts';
import type { ContainerTurns } from './container-turns.ts';
import type { Containers } from './containers.ts';
import { heldPathBytes } from './held-path-bytes.ts';
import { tellUnheld } from './held-paths.ts';
import type { LateWorkloads } from './late-workloads.ts';
import { TurnRefusal } from './owner-turns.ts';
import type { OwnerTurns } from './owner-turns.ts';
import type { ListenerCounts } from './listener-counts.ts';
import type { Retries } from './retries.ts';
import type { UserLines } from '../log/user-lines.ts';

/** Threads that look at mounts. */
export const lookLimits = { root: 8, users: 2, user: 1, lastMs: 60_000 } as const;

export interface ArrivalsParts {
  readonly native: Pick<
    Native,
    | 'adoptConnectionFd'
    | 'adoptLaunch'
    | 'findFirstProcess'
    | 'findPaths'
    | 'keepAsked'
    | 'launchWaitsKillable'
    | 'lookAtFirstProcess'
  >;
  readonly receiver: ReceiverHandle;
  readonly lines: UserLines;
  readonly lives: ContainerLives;
  readonly turns: ContainerTurns;
  readonly looks: OwnerTurns;
  readonly listenerCounts: ListenerCounts;
  readonly firstPids: FirstPids;
  readonly filterFlags: FilterFlags;
  readonly attachments: Attachments;
  readonly containers: Containers;
  readonly counters: CounterSum;
  readonly lateWorkloads: LateWorkloads;
  readonly retries: Retries;
}

/** A listener of a runtime, before it is known why its callers' memory may not be written. */
type Known = Omit<Entering, 'writeRefusal'>;

/** Before its first process is known. */
interface Entered extends Known {
  readonly entered: EnteredListener;
}

/** One that was adopted. */
interface Listener {
  readonly token: Token;
  readonly attached: Attached;
  readonly firstPid: number | undefined;
}

export class Arrivals implements Disposable {
  readonly #parts: ArrivalsParts;
  #isOver = false;

  constructor(parts: ArrivalsParts) {
    this.#parts = parts;
  }

  /** No listener is attached from now on. */
  [Symbol.dispose](): void {
    this.#isOver = true;
  }

  /**
   * @returns settles once the listener was adopted, or nobody wants it any more
   * @throws AgentError AGENT_LISTENER
   */
  async enter(arrival: Arrival): Promise<void> {
    using unlessAttached = new DisposableStack();
    const life = unlessAttached.use(this.#parts.lives.begin());
    const isWanted = (): boolean => !this.#isOver && !life.isOver && !arrival.isOver();
    const known = await this.#look(arrival, this.#enter(arrival, life), isWanted);
    const { identity } = known;
    // the caller has to catch failures of what a turn begins: nobody else would
    const prepared = await this.#inTurn(identity, async () =>
      isWanted() ? this.#prepareAll(known, isWanted) : undefined,
    );
    if (prepared === undefined) return;
    const attach = (resolution: Resolved): void => {
      const listener = this.#attach(arrival, prepared, resolution);
      // the receiver has it: its life ends with the listener, whatever fails from now on
      unlessAttached.move();
      this.#tellAttached(arrival, listener);
    };
    const isForPaths = await this.#inTurn(identity, () => {
      if (!isWanted()) return false;
      const resolution = this.#parts.attachments.resolved(identity);
      const looking = this.#lookForPaths(arrival, known, resolution, isWanted);
      if (looking === undefined) attach(resolution);
      return looking?.then(() => true) ?? false;
    });
    if (!isForPaths) return;
    await this.#inTurn(identity, () => {
      if (isWanted()) attach(this.#parts.attachments.resolved(identity));
    });
  }

  /** The listener of a launched command. @returns the token of its process */
  launch(launch: LaunchHandle, identity: ContainerIdentity): number {
    const { native, receiver, attachments, containers, lives, lines } = this.#parts;
    using unlessAttached = new DisposableStack();
    const life = unlessAttached.use(lives.begin());
    const writeRefusal = refusalOfCommand(native.launchWaitsKillable(launch));
    const attached = attachments.begin({ life, identity, writeRefusal });
    const adoption = containers.adoption(attached);
    const adopted = native.adoptLaunch(receiver, launch, {
      ...termsOf(adoption),
      paths: heldPathBytes(attached.registry),
    });
    this.#begin(adopted.listener, attached);
    unlessAttached.move();
    tellUnheld(lines, containers, adopted.listener);
    return adopted.process;
  }

  /** What is asked about its processes later has to be kept at once: they may be gone by then. */
  #enter(arrival: Arrival, life: ContainerLife): Entered {
    const { native, listenerCounts, firstPids, containers } = this.#parts;
    const { socket, connection, peerPid, peerUid } = arrival;
    const state = commonState(arrival.state, containers.ofContainer(arrival)?.identity.state);
    const counted = life.hold(listenerCounts.enter({ state, peerUid }));
    const entered = life.hold(firstPids.enter(state, peerUid));
    if (entered.asked !== undefined) {
      native.keepAsked(socket, connection, peerPid, peerUid, entered.asked);
    }
    const identity = { state, peerUid, firstPid: undefined };
    this.#tellLeftOut(identity);
    return { life, identity, counted, entered };
  }

  /** At its first process, before that can change what it sees. */
  async #look(
    { socket, connection, peerUid }: Arrival,
    { entered, ...without }: Entered,
    isWanted: IsWanted,
  ): Promise<Known> {
    const { native } = this.#parts;
    const look = await this.#inLook(without.identity, isWanted, async () => {
      if (entered.asked !== undefined) {
        entered.answer(await native.findFirstProcess(socket, connection, peerUid));
      }
      const { firstPid } = entered;
      // it may have taken long
      if (firstPid === undefined || !isWanted()) return undefined;
      return native.lookAtFirstProcess(socket, connection, firstPid);
    });
    const { firstPid } = entered;
    const known = { ...without, identity: { ...without.identity, firstPid } };
    const { identity, counted } = known;
    if (look === undefined) return known;
    counted?.keepLooks(look.bytes);
    if ((identity.peerUid ?? 0) !== 0) return known;
    return { ...known, identity: { ...identity, mounted: mountedNamesIn(look.bound) } };
  }

  /** @throws AgentError AGENT_LISTENER */
  async #inLook<T>(
    identity: ContainerIdentity,
    isWanted: IsWanted,
    look: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await this.#parts.looks.take(identity, isWanted, look);
    } catch (cause) {
      if (!(cause instanceof TurnRefusal)) throw cause;
      throw new AgentError('AGENT_LISTENER', `listener refused: ${cause.message}`, { cause });
    }
  }

  #tellLeftOut(identity: ContainerIdentity): void {
    const { containerId, leftOut } = identity.state;
    if (leftOut === undefined) return;
    const shown = shownContainer({ containerId }, identity);
    this.#parts.lines.tell(identity, 'annotations-too-many', { ...shown, leftOut });
  }

  async #prepareAll(known: Known, isWanted: IsWanted): Promise<Entering> {
    const { life, identity } = known;
    const { state, peerUid = 0 } = identity;
    const flags = life.hold(this.#parts.filterFlags.enter(state, peerUid));
    const [writeRefusal] = await Promise.all([flags.refusal, this.#prepare(identity, isWanted)]);
    return { ...known, writeRefusal };
  }

  async #prepare(identity: ContainerIdentity, isWanted: IsWanted): Promise<void> {
    const { attachments, lines } = this.#parts;
    let isWaiting = true;
    const fetching = attachments.resolver.prepare?.(identity, () => isWaiting && isWanted());
    if (fetching === undefined) return;
    const { containerId } = identity.state;
    lines.tell(
      identity,
      'container-waiting',
      shownContainer({ containerId, workload: believedWorkload(identity) }, identity),
    );
    try {
      await whileWanted(fetching, isWanted);
    } finally {
      isWaiting = false;
    }
  }

  /**
   * In a container that has just come. Its file systems may not answer.
   * @returns undefined: there is nothing to look for
   */
  #lookForPaths(
    arrival: Arrival,
    { identity, counted }: Known,
    { registry }: Resolved,
    isWanted: IsWanted,
  ): Promise<void> | undefined {
    const { native, firstPids, containers } = this.#parts;
    const { socket, connection, peerUid } = arrival;
    const firstPid = firstPids.living(keyOf(identity), identity.firstPid);
    const paths = heldPathBytes(registry);
    if (paths.length === 0 || firstPid === undefined) return undefined;
    // its first listener's paths are also those of the others
    if (containers.ofContainer(arrival) !== undefined) return undefined;
    const owner = ownerNumber(identity, registry);
    const looking = this.#inLook(identity, isWanted, async () =>
      native.findPaths(socket, connection, firstPid, paths, owner, peerUid),
    );
    return looking.then((bytes = 0) => counted?.keepLooks(bytes));
  }

  #attach(arrival: Arrival, entering: Entering, resolution: Resolved): Listener {
    const { identity } = entering;
    const firstPid = this.#parts.firstPids.living(keyOf(identity), identity.firstPid);
    const attached = this.#parts.attachments.begin(entering, resolution);
    const token = this.#adopt(arrival, attached, firstPid);
    this.#begin(token, attached);
    return { token, attached, firstPid };
  }

  #tellAttached(
    { state: { status }, peerPid }: Arrival,
    { token, attached, firstPid }: Listener,
  ): void {
    const { lines, containers } = this.#parts;
    tellUnheld(lines, containers, token);
    const { identity, registry } = attached;
    const fields = { ...shownContainer(registry, identity), status, peerPid, firstPid };
    lines.tell(identity, 'container-attached', fields);
  }

  /** @throws AgentError AGENT_LISTENER */
  #adopt(arrival: Arrival, attached: Attached, firstPid: number | undefined): Token {
    const { native, receiver, containers } = this.#parts;
    const { socket, connection, fdIndex, peerUid } = arrival;
    try {
      const adoption = containers.adoption(attached);
      return native.adoptConnectionFd(receiver, {
        ...termsOf(adoption),
        socket,
        connection,
        index: fdIndex,
        firstPid: firstPid ?? 0,
        container: attached.own.token,
        waitsKillable: attached.writeRefusal === undefined,
        peerUid,
        sender: adoption.sender,
      });
    } catch (cause) {
      throw new AgentError('AGENT_LISTENER', 'the descriptor cannot be taken as a listener', {
        cause,
      });
    }
  }

  /** Its calls come from now on. */
  #begin(token: number, attached: Attached): void {
    const { counters, containers, lateWorkloads, retries } = this.#parts;
    const { life, registry } = attached;
    life.hold(counters.enter(token, registry));
    life.hold(containers.enter(token, attached));
    life.hold(lateWorkloads.enter(token, attached));
    life.hold(retries.enter(token, attached));
  }

  async #inTurn<T>(identity: ContainerIdentity, work: () => T | Promise<T>): Promise<T> {
    return this.#parts.turns.take(identity, work);
  }
}
