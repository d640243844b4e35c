// SPDX-License-Identifier: Apache-2.0
// The agent: builds the parts and joins them; the one file that knows all.
import { AgentSocket } from './agent-socket.ts';
import type { Arrival } from './agent-socket.ts';
import { AgentError, isForbidden, messageOf, systemCodeOf } from './errors.ts';
import { FilterFlags, refusalOfCommand } from './filter-flags.ts';
import type { WriteRefusal } from './filter-flags.ts';
import { FirstPids } from './first-pids.ts';
import { digestOf } from './handler/direct.ts';
import type { LoadedComponent } from './handler/direct.ts';
import { errnoNumber } from './handler/errno.ts';
import { createLog } from './log.ts';
import type { LogOptions, Logger } from './log.ts';
import type { ControlServer } from './control/control-server.ts';
import type { StopRecording } from './control/recording-request.ts';
import { ReloadReport } from './control/reload-report.ts';
import type { AgentStatus, ContainerStatus } from './control/status.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { MetricsServer } from './metrics/server.ts';
import { loadNative, actingLink, receiverEventKind, tokenOf } from './native.ts';
import type {
  LaunchHandle,
  Native,
  ReceiverEvent,
  ReceiverHandle,
  StateHandle,
  Token,
} from './native.ts';
import { CounterSum, figure } from './notification/counters.ts';
import { Pool, poolSize } from './notification/pool.ts';
import type { PoolSize } from './notification/pool.ts';
import { QuarantineBook } from './notification/quarantine.ts';
import { ReceiverEvents } from './notification/receiver-events.ts';
import { StateBook } from './notification/state-book.ts';
import { Syscalls } from './notification/syscalls.ts';
import type { Syscall } from './notification/syscalls.ts';
import { encodeRegistry } from './notification/thread-messages.ts';
import type { CallFailure, SharedRegistry } from './notification/thread-messages.ts';
import type { BindAddress, ControlAddress } from './options.ts';
import { packageVersion } from './package-root.ts';
import { factsOf } from './recording/recorded-facts.ts';
import { ShadowBook } from './recording/shadow-book.ts';
import { TapeBook } from './recording/tape-book.ts';
import type { Tap } from './recording/tape-book.ts';
import type { Bundle } from './registry/bundle.ts';
import { ContainerRefusal } from './registry/container-refusal.ts';
import { defaultFailure, failureErrno as errnoOf } from './registry/policy.ts';
import { wantsPointers } from './registry/registry.ts';
import type {
  BundleName,
  ContainerIdentity,
  Resolution,
  ResolvedShadow,
  Resolver,
  Shadow,
} from './registry/resolver.ts';
import { workloadOf } from './registry/workload.ts';

export interface AgentOptions {
  readonly resolver: Resolver;
  readonly log: LogOptions;
  /** A fixed number of workers; absent: as the machine has cores, and more while they are blocked. */
  readonly workers?: number;
}

export interface SocketOptions {
  readonly path: string;
  readonly allowedUids: readonly number[];
}

/** No call takes so long. */
const forgetAfterMs = 120_000;
/** For a call, on a machine that may be busy. */
const shadowPatienceMs = 5000;

/** A container that is answered for. Of its handlers' states in the quarantine there may be more. */
interface Attached extends SharedRegistry {
  /** What it is resolved by, and may be again. */
  readonly identity: ContainerIdentity;
  readonly since: Date;
  readonly bundles: readonly BundleName[];
  readonly sources: readonly Bundle[];
  readonly components: readonly LoadedComponent[];
  /** Who is asked the same, without effect. */
  readonly shadow: Shadow | undefined;
  /** Why all of its calls fail; undefined: they do not. */
  readonly refusal: string | undefined;
  /** What handlers remember, or remembered before they changed. */
  readonly heldStates: readonly StateHandle[];
}

interface Resolved extends Resolution {
  /** Why there are no handlers. */
  readonly refusal?: string;
}

/** What the addon needs to know of a container. */
interface Adoption {
  readonly registryBytes: Uint8Array;
  readonly reads: Uint8Array;
  readonly failureErrno: number;
}

export class Agent {
  readonly native: Native;
  readonly log: Logger;
  #resolver: Resolver;
  readonly #receiver: ReceiverHandle;
  readonly #events: ReceiverEvents;
  readonly #syscalls = new Syscalls();
  readonly #firstPids = new FirstPids();
  readonly #filterFlags: FilterFlags;
  readonly #counters = new CounterSum();
  readonly #quarantine = new QuarantineBook();
  readonly #states: StateBook;
  readonly #attached: Map<number, Attached> = new Map();
  readonly #tapes: TapeBook = new TapeBook(() => this.#pool?.isRead ?? true);
  readonly #shadows: ShadowBook;
  readonly #exits: Map<number, () => void> = new Map();
  #pool: Pool | undefined;
  #socket: AgentSocket | undefined;
  #metrics: Metrics | undefined;
  #metricsServer: MetricsServer | undefined;
  #controlServer: ControlServer | undefined;
  readonly #startedAt = new Date();
  /** What came of reloading. */
  readonly reloads: ReloadReport = new ReloadReport();
  #forgetting: NodeJS.Timeout | undefined;
  /** Nothing more arrives. */
  #isStopping = false;
  /** No more of the receiver is there to be used. */
  #isClosed = false;

  private constructor(options: AgentOptions, size: PoolSize) {
    this.#resolver = options.resolver;
    this.log = createLog(options.log);
    this.#shadows = new ShadowBook({
      log: this.log,
      losses: this.#tapes.losses,
      patienceMs: shadowPatienceMs,
      onLeftAlone: (token) => {
        this.#retape(token);
      },
    });
    this.native = loadNative();
    this.#states = new StateBook(this.native);
    this.#filterFlags = new FilterFlags(this.native.readRuntimeFile);
    this.native.harden();
    this.#receiver = createReceiver(this.native, this.#syscalls, size);
    this.#events = new ReceiverEvents({
      native: this.native,
      receiver: this.#receiver,
      onEvent: (event) => {
        this.#hear(event);
      },
    });
  }

  /**
   * Starts the workers.
   * @throws AgentError AGENT_NOT_ROOT, AGENT_ADDON_MISSING, AGENT_KERNEL, AGENT_WORKER
   */
  static async start(options: AgentOptions): Promise<Agent> {
    if (process.getuid?.() !== 0) {
      throw new AgentError('AGENT_NOT_ROOT', 'must run as root: try it with sudo');
    }
    const size = poolSize(options.workers);
    const agent = new Agent(options, size);
    try {
      agent.#pool = await Pool.start({
        native: agent.native,
        receiver: agent.#receiver,
        log: agent.log,
        logOptions: options.log,
        size,
        counters: agent.#counters,
        quarantine: agent.#quarantine.buffers,
        onFailed: (failure) => {
          agent.#fail(failure);
        },
        losses: agent.#tapes.losses,
        onTaped: (taped, done) => {
          const both = after(2, done);
          agent.#tapes.take(taped, both);
          agent.#shadows.take(taped, both);
        },
      });
    } catch (thrown) {
      agent.#events[Symbol.dispose]();
      throw thrown;
    }
    return agent;
  }

  /** @throws AgentError AGENT_SOCKET_IN_USE, AGENT_SOCKET */
  listen({ path, allowedUids }: SocketOptions): void {
    this.#socket = new AgentSocket({
      native: this.native,
      log: this.log,
      path,
      allowedUids,
      onArrival: (arrival) => this.#enter(arrival),
    });
    this.log.info({ socket: path }, 'listening');
  }

  /** Only who wants metrics pays for the libraries. @throws AgentError AGENT_METRICS */
  async serveMetrics(address: BindAddress): Promise<void> {
    const { Metrics } = await import('./metrics/metrics.ts');
    const { MetricsServer } = await import('./metrics/server.ts');
    const figures = new BigUint64Array(figure.count);
    const bytes = new Uint8Array(figures.buffer);
    this.#metrics = new Metrics({
      version: packageVersion(),
      figures: () => {
        this.native.receiverFigures(this.#receiver, bytes);
        return figures;
      },
      counters: this.#counters,
      quarantined: () => this.#quarantine.count(),
      shadows: () => this.#shadows.counts(),
    });
    this.#metricsServer = await MetricsServer.start({
      address,
      metrics: this.#metrics,
      log: this.log,
      downReason: () => (this.#pool?.workerCount === 0 ? 'no worker is up' : undefined),
    });
  }

  /**
   * Lets root ask. Where nobody has said where, it may also be nowhere.
   * @throws AgentError AGENT_CONTROL
   */
  async serveControl({ path, isDefault }: ControlAddress): Promise<void> {
    const { ControlServer } = await import('./control/control-server.ts');
    try {
      this.#controlServer = await ControlServer.start({
        path,
        log: this.log,
        status: () => this.status(),
        record: (containerId, tap) => this.record(containerId, tap, 'there'),
      });
    } catch (thrown) {
      if (!isDefault) throw thrown;
      this.log.warn({ error: messageOf(thrown) }, 'no control socket: nobody can ask this agent');
    }
  }

  /** What it does now, for people and programs. */
  status(): AgentStatus {
    return {
      version: packageVersion(),
      pid: process.pid,
      startedAt: this.#startedAt.toISOString(),
      uptimeSeconds: Math.floor((Date.now() - this.#startedAt.getTime()) / 1000),
      workers: this.#pool?.workerCount ?? 0,
      containers: [...this.#attached].map(([token, attached]) => this.#statusOf(token, attached)),
      lastReload: this.reloads.last,
    };
  }

  #statusOf(token: number, attached: Attached): ContainerStatus {
    const { registry, since, bundles, refusal, quarantine } = attached;
    const shadow = this.#shadows.statusOf(token, attached.shadow);
    return {
      id: registry.containerId,
      since: since.toISOString(),
      bundles,
      handlers: registry.handlers.map(({ name, bundle, component }, index) => ({
        name,
        digest: `sha256:${digestOf(component)}`,
        ...(bundle === undefined ? {} : { bundle }),
        isQuarantined: this.#quarantine.quarantine.isQuarantined(quarantine[index] ?? -1),
      })),
      ...(refusal === undefined ? {} : { refusal }),
      ...(shadow === undefined ? {} : { shadow }),
    };
  }

  /** Answers the calls of a launched command; resolves once it has ended. */
  async serve(launch: LaunchHandle, identity: ContainerIdentity): Promise<void> {
    const refusal = refusalOfCommand(this.native.launchWaitsKillable(launch));
    const attached = this.#prepare(identity, refusal);
    const { registryBytes, reads, failureErrno } = this.#adoption(attached);
    const adopted = this.native.adoptLaunch(
      this.#receiver,
      launch,
      registryBytes,
      reads,
      failureErrno,
    );
    this.#keep(adopted.listener, attached);
    await new Promise<void>((resolve) => {
      this.#exits.set(adopted.process, resolve);
    });
  }

  /**
   * Resolves all containers anew: the calls that no worker has begun are handled by what the resolver
   * says now. Where it says nothing that works, a container keeps what it has, as far as that is still
   * granted.
   * @returns how many containers have changed, and how many keep what they had since they must
   */
  reload(resolver: Resolver): { readonly changed: number; readonly kept: number } {
    this.#resolver = resolver;
    let [changed, kept] = [0, 0];
    for (const [token, attached] of this.#attached) {
      try {
        this.#replace(token, attached, resolver.resolve(attached.identity));
        changed += 1;
      } catch (thrown) {
        const { containerId } = attached.registry;
        this.reloads.failed({ of: `container ${containerId}`, reason: messageOf(thrown) });
        const refusal = isRevoked(thrown) ? thrown : this.#keepGranted(token, attached);
        if (refusal === undefined) {
          kept += 1;
          this.log.error(
            { container: containerId, error: messageOf(thrown) },
            'a container keeps the handlers that it has: there is no new registry for it',
          );
          continue;
        }
        this.#replace(token, attached, this.#refused(attached.identity, refusal));
        changed += 1;
      }
    }
    this.#forgetLater();
    this.reloads.ended({ changed, kept });
    return { changed, kept };
  }

  /**
   * Leaves a container the handlers that it has, with what is granted to them now.
   * @returns why it may not have them; undefined: it keeps them
   */
  #keepGranted(token: number, attached: Attached): unknown {
    try {
      this.#replace(token, attached, this.#kept(attached));
      return undefined;
    } catch (thrown) {
      return thrown;
    }
  }

  #kept({ bundles, components, shadow, refusal, ...held }: Attached): Resolved {
    return {
      ...this.#resolver.keep(held),
      bundles,
      components,
      shadow: shadow?.kind === 'resolved' ? this.#keptShadow(shadow) : shadow,
      ...(refusal === undefined ? {} : { refusal }),
    };
  }

  #keptShadow(shadow: ResolvedShadow): Shadow {
    try {
      return { ...shadow, ...this.#resolver.keep(shadow) };
    } catch (thrown) {
      return { kind: 'refused', reason: messageOf(thrown) };
    }
  }

  /** Calls that were begun before may still need components that no registry has any more. */
  #forgetLater(): void {
    clearTimeout(this.#forgetting);
    this.#forgetting = setTimeout(() => {
      const handlers = [...this.#attached.values()].flatMap(({ registry }) => registry.handlers);
      this.#pool?.keepOnly(handlers.map(({ component }) => component));
    }, forgetAfterMs).unref();
  }

  #replace(token: number, attached: Attached, resolution: Resolved): void {
    this.#pool?.share(resolution.components);
    this.#tellShadow(resolution);
    const next = this.#change(attached, resolution);
    this.#offer(token, { ...next, tapeSlot: this.#slotOf(token, next) });
  }

  #keep(token: number, attached: Attached): void {
    this.#attached.set(token, attached);
    const { shadow, tapeSlot } = attached;
    if (shadow?.kind !== 'resolved') this.#shadows.end(token);
    if (tapeSlot === undefined) return;
    if (shadow?.kind === 'resolved') this.#shadows.begin(token, tapeSlot, shadow);
    this.#tapes.begin(token, tapeSlot, factsOf(attached));
  }

  /** Where losses are counted of calls that are written down; undefined: they are for nobody. */
  #slotOf(token: number, { registry, shadow, tapeSlot }: Attached): number | undefined {
    const isWanted =
      this.#tapes.isTapped(registry.containerId) || this.#shadows.isAsked(token, shadow);
    if (isWanted) return tapeSlot ?? this.#tapes.takeSlot();
    if (tapeSlot !== undefined) void this.#tapes.end(token, tapeSlot);
    return undefined;
  }

  /** Calls are written down for whoever wants to know, and not for nobody. */
  #retape(token: number): void {
    const attached = this.#attached.get(token);
    if (attached === undefined || this.#isClosed) return;
    const tapeSlot = this.#slotOf(token, attached);
    if (tapeSlot !== attached.tapeSlot) this.#offer(token, { ...attached, tapeSlot });
  }

  #tellShadow({ registry, shadow }: Resolution): void {
    if (shadow?.kind !== 'refused') return;
    this.log.error(
      { container: registry.containerId, error: shadow.reason },
      'there is no shadow for this container, which is nothing to its calls',
    );
  }

  /** The calls that no worker has begun are handled by this from now on. */
  #offer(token: number, next: Attached): void {
    this.#keep(token, next);
    const { registryBytes, reads, failureErrno } = this.#adoption(next);
    try {
      this.native.replaceTerms(this.#receiver, tokenOf(token), registryBytes, reads, failureErrno);
    } catch (cause) {
      // it has just ended, which an event will tell
      if (systemCodeOf(cause) !== 'ENOENT') throw cause;
    }
  }

  /**
   * Tells of all calls of a container, also of one that is still to come, until it ends.
   * @returns ends it before
   * @throws AgentError AGENT_RECORDING: there is no such container
   */
  record(containerId: string, tap: Tap, isExpected: 'there' | 'to come'): StopRecording {
    const found = this.#listenersOf(containerId);
    if (found.length === 0 && isExpected === 'there') {
      throw new AgentError('AGENT_RECORDING', `there is no container "${containerId}"`);
    }
    this.#tapes.add(containerId, tap);
    for (const [token, attached] of found) {
      // also where a shadow has it already: the tap is to begin
      this.#offer(token, { ...attached, tapeSlot: this.#slotOf(token, attached) });
    }
    return async (reason) => {
      this.#tapes.leave(tap);
      for (const [token] of this.#listenersOf(containerId)) this.#retape(token);
      await this.#tapes.finish(tap, reason);
    };
  }

  async #endTape(token: number, slot: number): Promise<void> {
    await this.#tapes.end(token, slot);
    this.#shadows.end(token);
  }

  #listenersOf(containerId: string): readonly (readonly [token: number, attached: Attached])[] {
    return [...this.#attached].filter(([, { registry }]) => registry.containerId === containerId);
  }

  /** Stops accepting, lets calls that are handled be answered, and ends. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#forgetting);
    await this.#tapes.endAll();
    await this.#controlServer?.[Symbol.asyncDispose]();
    await this.#metricsServer?.[Symbol.asyncDispose]();
    this.#socket?.[Symbol.dispose]();
    await this.#pool?.stop();
    await this.#shadows[Symbol.asyncDispose]();
    this.#events[Symbol.dispose]();
    this.#isClosed = true;
    this.native.closeReceiver(this.#receiver);
  }

  /** Ends the process at once where Node would wait for a thread that does not end. */
  exitIfStuck(code: number): void {
    if (this.#pool?.isStuck === true) this.native.exitProcess(code);
  }

  /** @returns what is to be waited for before the listener is adopted */
  #enter(arrival: Arrival): Promise<void> | undefined {
    const { state, peerPid } = arrival;
    // of now: who has sent it may be gone later
    const identity = { state, firstPid: this.#firstPids.enter(state, peerPid) };
    const refusal = this.#filterFlags.enter(state);
    using unlessAttached = new DisposableStack();
    unlessAttached.defer(() => {
      this.#forget(state.containerId);
    });
    const fetching = this.#resolver.prepare?.(identity);
    if (fetching === undefined) {
      this.#attach(arrival, identity, refusal);
      unlessAttached.move();
      return undefined;
    }
    this.log.info({ container: state.containerId }, 'container waits for its bundles');
    const later = unlessAttached.move();
    const attach = async (): Promise<void> => {
      using unlessAttachedLater = later;
      await fetching;
      if (this.#isStopping) return;
      this.#attach(arrival, identity, refusal);
      unlessAttachedLater.move();
    };
    return attach();
  }

  /** One listener of the container is gone, or never came to be one. */
  #forget(containerId: string): void {
    this.#firstPids.leave(containerId);
    this.#filterFlags.leave(containerId);
  }

  #attach(arrival: Arrival, identity: ContainerIdentity, refusal: WriteRefusal): void {
    const { state, socket, connection, fdIndex, peerPid } = arrival;
    const { containerId, status } = state;
    const firstPid = this.#firstPids.living(containerId);
    const attached = this.#prepare(identity, refusal);
    let token: Token;
    try {
      const { registryBytes, reads, failureErrno } = this.#adoption(attached);
      token = this.native.adoptConnectionFd(
        this.#receiver,
        socket,
        connection,
        fdIndex,
        registryBytes,
        reads,
        failureErrno,
        firstPid ?? 0,
        refusal === undefined ? 1 : 0,
      );
    } catch (cause) {
      if (attached.tapeSlot !== undefined) this.#tapes.releaseSlot(attached.tapeSlot);
      this.#quarantine.release(attached.quarantine);
      this.#states.release(attached.heldStates);
      throw new AgentError('AGENT_LISTENER', 'the descriptor cannot be taken as a listener', {
        cause,
      });
    }
    this.#keep(token, attached);
    this.log.info({ container: containerId, status, peerPid, firstPid }, 'container attached');
  }

  /** What the workers need for a registry is with them before its first call is. */
  #prepare(identity: ContainerIdentity, writeRefusal: WriteRefusal): Attached {
    const resolution = this.#resolve(identity);
    const { registry, sources, components, bundles, refusal, shadow } = resolution;
    this.#pool?.share(components);
    this.#tellShadow(resolution);
    const { containerId, handlers } = registry;
    const states = this.#states.take(
      containerId,
      handlers.map(({ bundle }) => bundle),
    );
    return {
      identity,
      since: new Date(),
      bundles,
      sources,
      components,
      shadow,
      refusal,
      registry,
      quarantine: this.#quarantine.take(handlers.length),
      states,
      heldStates: states,
      writeRefusal,
      tapeSlot:
        shadow?.kind === 'resolved' || this.#tapes.isTapped(containerId)
          ? this.#tapes.takeSlot()
          : undefined,
    };
  }

  /** As `#prepare`, for a container that has other handlers from now on. */
  #change(attached: Attached, resolution: Resolved): Attached {
    const { registry, sources, bundles, components, shadow, refusal } = resolution;
    const { containerId, handlers } = registry;
    const { quarantine } = attached;
    const { held, states } = this.#states.change(
      containerId,
      attached.heldStates,
      handlers.map(({ bundle }) => bundle),
    );
    for (const [index, { component }] of handlers.entries()) {
      const place = quarantine[index];
      const isOther = attached.registry.handlers[index]?.component !== component;
      if (place !== undefined && isOther) this.#quarantine.quarantine.clear(place);
    }
    return {
      ...attached,
      bundles,
      sources,
      components,
      shadow,
      refusal,
      registry,
      quarantine: this.#quarantine.resize(quarantine, handlers.length),
      states,
      heldStates: held,
    };
  }

  #adoption(attached: Attached): Adoption {
    const { registry, quarantine, states, writeRefusal, tapeSlot } = attached;
    const errno = errnoOf(registry.failure);
    return {
      registryBytes: encodeRegistry({ registry, quarantine, states, writeRefusal, tapeSlot }),
      reads: this.#syscalls.readSet(
        (syscall) =>
          wantsPointers(registry, syscall) ||
          shadowWantsPointers(attached, syscall) ||
          this.#isRead(attached, syscall),
      ),
      failureErrno: errno === undefined ? 0 : errnoNumber(errno),
    };
  }

  /** What is recorded has its arguments, whether its handlers want them or not: others may. */
  #isRead({ registry }: Attached, syscall: Syscall): boolean {
    return syscall.arguments.length > 0 && this.#tapes.isTapped(registry.containerId);
  }

  /** Whatever is wrong with a container's metadata, its calls get an answer. */
  #resolve(identity: ContainerIdentity): Resolved {
    try {
      return this.#resolver.resolve(identity);
    } catch (thrown) {
      return this.#refused(identity, thrown);
    }
  }

  #refused({ state, workload }: ContainerIdentity, thrown: unknown): Resolved {
    const { containerId, annotations } = state;
    const errno = thrown instanceof ContainerRefusal ? thrown.errno : 'EPERM';
    this.log.error(
      { container: containerId, errno, error: messageOf(thrown) },
      'the bundles of this container cannot be used: its trapped calls fail',
    );
    const registry = {
      containerId,
      workload: workload ?? workloadOf(annotations),
      handlers: [],
      defaultAction: errno,
      failure: defaultFailure,
    };
    return { registry, sources: [], components: [], bundles: [], refusal: messageOf(thrown) };
  }

  #hear({ kind, token, worker, link }: ReceiverEvent): void {
    switch (kind) {
      case receiverEventKind.ended:
        this.#end(token);
        break;
      case receiverEventKind.exited:
        this.#exits.get(token)?.();
        this.#exits.delete(token);
        break;
      case receiverEventKind.overdue:
        this.#endOverdue(token, worker, link);
        break;
      case receiverEventKind.crowded:
        this.#pool?.grow();
    }
  }

  /** A call was answered by the failure policy, since its handler did not come to an end. */
  #endOverdue(token: number, worker: number, link: number): void {
    this.#pool?.end(worker);
    const attached = this.#attached.get(token);
    if (attached?.tapeSlot !== undefined) this.#tapes.lose(attached.tapeSlot);
    const handler = attached?.registry.handlers[link - 1];
    const index = attached?.quarantine[link - 1];
    const quarantineMs = index === undefined ? 0 : this.#quarantine.quarantine.failed(index, true);
    this.log.error(
      {
        container: attached?.registry.containerId,
        handler: handler?.name,
        deadlineMs: handler?.deadlineMs,
        quarantineMs,
      },
      overdueText(link),
    );
    this.#fail({ token, handler: handler?.name, reason: 'deadline' });
  }

  #fail({ token, handler, reason }: CallFailure): void {
    if (handler !== undefined) this.#metrics?.failed(handler, reason);
    const attached = this.#attached.get(token);
    if (attached?.registry.failure.kind !== 'kill-container') return;
    const { containerId } = attached.registry;
    // a worker that did not end in time may still tell
    const wasKilled = !this.#isClosed && this.native.killContainer(this.#receiver, tokenOf(token));
    if (wasKilled) this.log.error({ container: containerId }, 'container killed: a call failed');
    else
      this.log.error(
        { container: containerId },
        'container cannot be killed: nobody knows its first process',
      );
  }

  #end(token: number): void {
    const attached = this.#attached.get(token);
    if (attached === undefined) return;
    this.#attached.delete(token);
    this.#quarantine.release(attached.quarantine);
    this.#states.release(attached.heldStates);
    if (attached.tapeSlot === undefined) this.#shadows.end(token);
    else void this.#endTape(token, attached.tapeSlot);
    const { containerId } = attached.registry;
    this.#forget(containerId);
    this.log.info({ container: containerId }, 'container detached');
  }
}

/** What a container has now, it may not have any more. */
function isRevoked(thrown: unknown): boolean {
  return thrown instanceof ContainerRefusal && isForbidden(thrown);
}

/** The calls that its shadow is asked about have what it wants to know, too. */
function shadowWantsPointers({ shadow, tapeSlot }: Attached, syscall: Syscall): boolean {
  if (shadow?.kind !== 'resolved' || tapeSlot === undefined) return false;
  return wantsPointers(shadow.registry, syscall);
}

/** Calls `done` when it has been called so often. */
function after(times: number, done: () => void): () => void {
  let left = times;
  return () => {
    left -= 1;
    if (left === 0) done();
  };
}

function overdueText(link: number): string {
  if (link === 0) return 'the memory of a caller cannot be read in time: its call fails';
  return link === actingLink
    ? 'a file system of a container does not answer in time: its call fails'
    : 'handler has used its time up: its call fails, and so do others for a while';
}

function createReceiver(native: Native, syscalls: Syscalls, size: PoolSize): ReceiverHandle {
  try {
    return native.createReceiver(syscalls.readKinds(), size.running, size.fewest);
  } catch (cause) {
    const code = systemCodeOf(cause);
    if (code !== 'ENOSYS' && code !== 'EINVAL') throw cause;
    throw new AgentError(
      'AGENT_KERNEL',
      'this kernel has no seccomp user notification: Linux 5.9 or newer is needed',
      { cause },
    );
  }
}
