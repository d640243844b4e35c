// SPDX-License-Identifier: Apache-2.0
// In the main thread: who watches which containers, and what is decided for them.
import type { Log } from '../log/log.ts';
import type { UserLines } from '../log/user-lines.ts';
import type { Syscall, Syscalls } from '../syscalls/syscalls.ts';
import type { MiddlewareName } from '../registry/policy.ts';
import type { Registry } from '../registry/registry.ts';
import type { ContainerIdentity } from '../resolvers/resolver.ts';
import type { ShownDecision, WatchedContainer, Watcher } from './decision.ts';
import { makeBell, makeDecisionRing } from './decision-layout.ts';
import { DecisionReader } from './decision-reader.ts';
import type { Ending, LostDecisions } from './decision-reader.ts';
import type { DecisionBuffers } from './decision-writer.ts';
import type { Watch } from './ring-share.ts';
import { SeldomNotice } from '../scheduling/seldom-notice.ts';
import { shownContainer } from '../registry/shown-container.ts';

/** While calls come, what was decided is read so often. */
const pauseMs = 20;
/** Time limit of reading and telling at once: containers that start are served in between. */
const turnMs = 8;
const [minAtOnce, maxAtOnce] = [256, 8192];
/** Time in which a worker may still tell of a gone container: no handler may take longer. */
const forgetAfterMs = 120_000;

export interface ObservationParts {
  readonly log: Log;
  readonly lines: UserLines;
  readonly syscalls: Syscalls;
  /** They watch every container that is entered, or offered again, while they are here. */
  readonly watchers: readonly Watcher[];
  /** These watch the containers that want it. */
  readonly byMiddleware: ReadonlyMap<MiddlewareName, readonly Watcher[]>;
  readonly withArguments: boolean;
}

export class Observation implements AsyncDisposable {
  readonly #parts: ObservationParts;
  readonly #bell: SharedArrayBuffer = makeBell();
  readonly #rung: Int32Array = new Int32Array(this.#bell);
  readonly #readers: Map<number, DecisionReader> = new Map();
  readonly #watched: Map<number, WatchedContainer> = new Map();
  readonly #watchOf: WeakMap<ContainerIdentity, number> = new WeakMap();
  /** The containers whose middleware nobody is behind: said once. */
  readonly #unwatched: WeakSet<ContainerIdentity> = new WeakSet();
  readonly #losses: SeldomNotice;
  #lastWatch = 0;
  #lost = 0;
  /** Of each worker, at once. */
  #max = minAtOnce;
  #timer: NodeJS.Timeout | undefined;
  #isEnding = false;

  constructor(parts: ObservationParts) {
    this.#parts = parts;
    this.#losses = new SeldomNotice(parts.log);
    this.#sleep();
  }

  /** Decisions that were not told of: they came faster than they could be read. */
  get lost(): number {
    return this.#lost;
  }

  /** Buffers that a starting worker shares with the main thread. */
  enter(worker: number): DecisionBuffers {
    const ring = makeDecisionRing();
    const { syscalls } = this.#parts;
    const container = (watch: number): WatchedContainer | undefined => this.#watched.get(watch);
    this.#readers.set(worker, new DecisionReader({ ring, syscalls, container }));
    return { ring, bell: this.#bell };
  }

  /** Its thread has ended. */
  leave(worker: number): void {
    this.#read(Infinity);
    this.endCurrent(worker, {
      answer: { kind: 'errno', errno: 'EPERM' },
      failure: 'agent',
      handler: -1,
    });
    this.#readers.delete(worker);
  }

  /** A worker's call was answered in its place. */
  endCurrent(worker: number, ending: Ending): void {
    this.#read(Infinity);
    const decision = this.#readers.get(worker)?.takeCurrent(ending);
    if (decision === undefined) return;
    this.#tell(decision);
    this.#allTaken();
  }

  /**
   * Watch of a container by a registry, for workers; undefined: none. Its previous watch is forgotten
   * some time later.
   */
  watch(identity: ContainerIdentity, registry: Registry): Watch | undefined {
    this.#forget(identity);
    const { watchers, byMiddleware, withArguments } = this.#parts;
    const { middleware = [] } = registry;
    const own = middleware.flatMap((name) => byMiddleware.get(name) ?? []);
    const silent = middleware.find((name) => byMiddleware.get(name)?.length === 0);
    if (silent !== undefined) this.#warnOf(silent, identity, registry);
    const all = [...watchers, ...own];
    if (all.length === 0) return undefined;
    this.#lastWatch += 1;
    const id = this.#lastWatch;
    this.#watched.set(id, watchedBy(all, identity, registry));
    this.#watchOf.set(identity, id);
    return { id, withArguments };
  }

  /** A container that may be watched, until what is returned is disposed of. */
  enterContainer(identity: ContainerIdentity): Disposable {
    return {
      [Symbol.dispose]: () => {
        this.#forget(identity);
      },
    };
  }

  /** Workers may still tell of the container, so its watch is remembered for a while. */
  #forget(identity: ContainerIdentity): void {
    const id = this.#watchOf.get(identity);
    if (id === undefined) return;
    this.#watchOf.delete(identity);
    setTimeout(() => {
      this.#watched.delete(id);
    }, forgetAfterMs).unref();
  }

  /** Whether the caller's memory is read for a call since somebody wants to see it. */
  wantsPointers({ arguments: own }: Syscall): boolean {
    const { watchers, withArguments } = this.#parts;
    return withArguments && watchers.length > 0 && own.length > 0;
  }

  /** Workers have ended: tells the rest, and lets those who watch finish. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#timer);
    Atomics.store(this.#rung, 0, 1);
    Atomics.notify(this.#rung, 0);
    this.#read(Infinity);
    await Promise.all(this.#all().map(async (watcher) => watcher[Symbol.asyncDispose]()));
    this.#losses[Symbol.dispose]();
  }

  #warnOf(middleware: MiddlewareName, identity: ContainerIdentity, registry: Registry): void {
    if (this.#unwatched.has(identity)) return;
    this.#unwatched.add(identity);
    this.#parts.lines.tell(identity, 'falco-unconfigured', {
      ...shownContainer(registry, identity),
      middleware,
    });
  }

  /** Waits for the first decision without looking for it. */
  #sleep(): void {
    Atomics.store(this.#rung, 0, 0);
    if ([...this.#readers.values()].some(({ isEmpty }) => !isEmpty)) {
      Atomics.store(this.#rung, 0, 1);
      this.#readLater();
      return;
    }
    const rung = Atomics.waitAsync(this.#rung, 0, 0);
    if (rung.async) void rung.value.then(() => this.#wake());
    else this.#readLater();
  }

  #wake(): void {
    if (this.#isEnding) return;
    this.#readLater();
  }

  #readLater(inMs: number = pauseMs): void {
    this.#timer = setTimeout(() => {
      const began = performance.now();
      const were = this.#read(this.#max);
      if (were === 0) this.#sleep();
      else this.#readLater(this.#pauseAfter(were, performance.now() - began));
    }, inMs);
    this.#timer.unref();
  }

  /** The next turn begins after a pause as long as this one: telling takes half of a core at most. */
  #pauseAfter(were: number, tookMs: number): number {
    const isAll = were < this.#max;
    if (tookMs > turnMs) this.#max = Math.max(minAtOnce, this.#max >> 1);
    else if (tookMs < turnMs / 2) this.#max = Math.min(maxAtOnce, this.#max << 1);
    return isAll ? pauseMs : Math.min(pauseMs, tookMs);
  }

  /**
   * Tells what workers have decided, in the order of the calls.
   * @param most of each worker. @returns how many there were
   */
  #read(max: number): number {
    const decisions: ShownDecision[] = [];
    for (const reader of this.#readers.values()) {
      for (const decision of reader.read(max)) decisions.push(decision);
      const lostBy = reader.takeLostBy();
      for (const { container, count } of lostBy) {
        for (const watcher of container.watchers) watcher.lost?.(container, count);
      }
      this.#count(reader.takeLost(), lostBy);
    }
    decisions.sort((one, other) => one.at - other.at);
    for (const decision of decisions) this.#tell(decision);
    if (decisions.length > 0) this.#allTaken();
    return decisions.length;
  }

  #count(lost: number, lostBy: readonly LostDecisions[]): void {
    if (lost === 0) return;
    this.#lost += lost;
    const [most] = lostBy.toSorted((one, other) => other.count - one.count);
    const whose = most === undefined ? {} : { container: most.container.containerId };
    this.#losses.tell(lost, 'decisions-lost', whose);
  }

  #tell(decision: ShownDecision): void {
    for (const watcher of decision.container.watchers) watcher.take(decision);
  }

  #allTaken(): void {
    for (const watcher of this.#all()) watcher.taken?.();
  }

  #all(): readonly Watcher[] {
    const { watchers, byMiddleware } = this.#parts;
    return [...new Set([...watchers, ...[...byMiddleware.values()].flat()])];
  }
}

function watchedBy(
  watchers: readonly Watcher[],
  { state, firstPid, workload, peerUid }: ContainerIdentity,
  registry: Registry,
): WatchedContainer {
  return {
    containerId: registry.containerId,
    workload: registry.workload ?? workload ?? {},
    firstPid,
    filterPid: state.processPid === 0 ? undefined : state.processPid,
    peerUid,
    handlers: registry.handlers.map(({ name, bundle }) => ({ name, bundle })),
    watchers,
  };
}
