// SPDX-License-Identifier: Apache-2.0
// The agent: builds the parts and joins them; the one file that knows all.
import type { Arrival } from './agent-socket/agent-socket.ts';
import { ArrivalTurns } from './scheduling/arrival-turns.ts';
import { termsOf } from './containers/attached.ts';
import type { Resolved } from './containers/attached.ts';
import { Attachments } from './containers/attachments.ts';
import { LateWorkloads } from './containers/late-workloads.ts';
import { commonState } from './containers/common-parts.ts';
import { Containers } from './containers/containers.ts';
import { EndedAgents } from './containers/ended-agents.ts';
import { tellUnheld } from './containers/held-paths.ts';
import { heldPathBytes } from './containers/held-path-bytes.ts';
import { registryBytes } from './containers/kept-bytes.ts';
import { ListenerCounts } from './containers/listener-counts.ts';
import type { CountedListener, ListenerLimits } from './containers/listener-counts.ts';
import { prepareAll, reloadAll, resolveLate } from './containers/reloading.ts';
import type { ReloadCounts, ResolvingParts } from './containers/reloading.ts';
import { Retries } from './containers/retries.ts';
import { ServedFile } from './containers/served-file.ts';
import { logStranded } from './containers/stranded.ts';
import { UserLines } from './containers/user-lines.ts';
import { keyOf } from './agent-socket/container-key.ts';
import type { ContainerKey } from './agent-socket/container-key.ts';
import type { ControlListening } from './control/control-listening.ts';
import type { StopRecording } from './control/recording-request.ts';
import type { AgentFigures } from './control/figures.ts';
import { ReloadReport } from './control/reload-report.ts';
import type { OwnStatus } from './control/status.ts';
import { AgentError, messageOf, missingRightsAdvice, systemCodeOf } from './errors.ts';
import { FilterFlags, refusalOfCommand } from './agent-socket/filter-flags.ts';
import type { WriteRefusal } from './agent-socket/filter-flags.ts';
import { FirstPids } from './agent-socket/first-pids.ts';
import { Listening } from './agent-socket/listening.ts';
import { createLog } from './log.ts';
import type { LogOptions, Logger } from './log.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { FailureReason } from './counting/counters.ts';
import type { MetricsServer } from './metrics/server.ts';
import { whileWanted } from './scheduling/asker.ts';
import type { LoadedComponent } from './handler/direct.ts';
import { loadNative, actingLink, receiverEventKind } from './native.ts';
import type { LaunchHandle, Native, ReceiverEvent, ReceiverHandle, Token } from './native.ts';
import { agentEndedNote, quarantineNote } from './registry/container-note.ts';
import type { ContainerNote } from './registry/container-note.ts';
import { stopContainer, ToldStops } from './worker/container-stop.ts';
import { CounterSum } from './counting/counter-sum.ts';
import { figure } from './counting/counters.ts';
import { Pool, poolSize } from './worker/pool.ts';
import type { PoolSize } from './worker/pool.ts';
import { ContainerPlaces } from './counting/container-places.ts';
import { DroppedLines } from './worker/dropped-lines.ts';
import { Quarantines } from './worker/quarantine.ts';
import { ReceiverEvents } from './worker/receiver-events.ts';
import { HandlerStates } from './worker/handler-states.ts';
import { Syscalls } from './syscalls/syscalls.ts';
import type { CallFailure, ListenerNote } from './worker/thread-messages.ts';
import type { ControlAddress } from './control/control-socket.ts';
import type { BindAddress } from './metrics/server.ts';
import { overdueEnding } from './observation/overdue.ts';
import { Watching } from './observation/watching.ts';
import type { WatchOptions } from './observation/watching.ts';
import { packageVersion } from './package-root.ts';
import { isProgramRunning } from './program.ts';
import { Shadows } from './replay/shadows.ts';
import { Tapes } from './recording/tapes.ts';
import type { Tap } from './recording/tapes.ts';
import type { CodeSize } from './bundles/code-room.ts';
import { isStop } from './registry/policy.ts';
import type { ContainerIdentity, Resolver } from './resolvers/resolver.ts';
import { shownContainer } from './registry/shown-container.ts';
import { whoAsks } from './resolvers/who-asks.ts';
import { userAsks } from './scheduling/asker.ts';
import { believedWorkload } from './agent-socket/workload.ts';

export interface AgentOptions {
  readonly resolver: Resolver;
  readonly log: LogOptions;
  /** A fixed number of workers; absent: as the machine has cores, and more while they are blocked. */
  readonly workers?: number;
  /** Who is told what is decided, besides the log. */
  readonly watch?: WatchOptions;
  readonly listenerLimits?: Partial<ListenerLimits>;
}

export interface SocketOptions {
  readonly path: string;
  readonly allowedUids: readonly number[];
  /** Also from an agent that listens there. */
  readonly takesOver?: boolean;
}

/** A listener that has come. */
interface Entered {
  readonly identity: ContainerIdentity;
  readonly refusal: WriteRefusal;
  readonly counted: CountedListener;
  readonly resolution: Resolved;
}

/** No call takes so long. */
const forgetAfterMs = 120_000;
/** For a call, on a machine that may be busy. */
const shadowPatienceMs = 5000;

export class Agent {
  readonly native: Native;
  readonly log: Logger;
  readonly #receiver: ReceiverHandle;
  readonly #events: ReceiverEvents;
  readonly #syscalls = new Syscalls();
  readonly #firstPids = new FirstPids({
    isOf: (pid, uid) => this.native.processIsOf(pid, uid),
    firstOf: (pid) => this.native.firstProcessBeside(pid),
  });
  readonly #filterFlags: FilterFlags;
  readonly #listenerCounts: ListenerCounts;
  /** By their tokens: all but those of launched commands. */
  readonly #counted: Map<number, CountedListener> = new Map();
  readonly #userTurns = new ArrivalTurns('users');
  readonly #rootTurns = new ArrivalTurns('root');
  readonly #lines: UserLines;
  readonly #counters = new CounterSum();
  readonly #quarantine = new Quarantines();
  readonly #dropped: DroppedLines;
  readonly #tapes: Tapes = new Tapes(() => this.#pool?.isRead ?? true);
  readonly #shadows: Shadows;
  readonly #watching: Watching;
  readonly #containers: Containers;
  readonly #attachments: Attachments;
  readonly #retries: Retries;
  readonly #resolving: ResolvingParts;
  readonly #lateWorkloads: LateWorkloads;
  readonly #size: PoolSize;
  readonly #exits: Map<number, () => void> = new Map();
  /** Containers whose failed calls stop them. */
  readonly #toldStops = new ToldStops();
  #pool: Pool | undefined;
  #socket: Listening | undefined;
  #metrics: Metrics | undefined;
  #metricsServer: MetricsServer | undefined;
  #control: ControlListening | undefined;
  #served: ServedFile | undefined;
  #endedAgents: EndedAgents | undefined;
  readonly #startedAt = new Date();
  /** What came of reloading. */
  readonly reloads: ReloadReport = new ReloadReport();
  #forgetting: NodeJS.Timeout | undefined;
  /** Nothing more arrives. */
  #isStopping = false;
  /** No more of the receiver is there to be used. */
  #isClosed = false;

  private constructor(options: AgentOptions, size: PoolSize, watching: Watching) {
    this.#watching = watching;
    this.#size = size;
    const { observation } = watching;
    this.log = createLog(options.log);
    this.#dropped = new DroppedLines(this.log);
    this.#lines = new UserLines(this.log);
    this.#listenerCounts = new ListenerCounts(options.listenerLimits);
    this.#shadows = new Shadows({
      log: this.log,
      losses: this.#tapes.losses,
      patienceMs: shadowPatienceMs,
      onLeftAlone: (token) => {
        this.#containers.retape(token);
      },
    });
    this.native = loadNative();
    this.#filterFlags = new FilterFlags(this.native.readRuntimeFile, async (uid, work) =>
      uid === 0 ? work() : this.#userTurns.take(userAsks(uid), work),
    );
    this.native.harden();
    this.#receiver = createReceiver(this.native, this.#syscalls, size);
    const { states, ends } = this.#quarantine.buffers;
    this.native.shareQuarantine(this.#receiver, new Uint8Array(states), new Uint8Array(ends));
    this.#containers = new Containers({
      native: this.native,
      receiver: this.#receiver,
      syscalls: this.#syscalls,
      quarantine: this.#quarantine.quarantine,
      counters: this.#counters,
      tapes: this.#tapes,
      shadows: this.#shadows,
      observation,
      count: (token, attached, encoded) => {
        this.#counted.get(token)?.keep(registryBytes(attached, encoded, size.fewest));
      },
      onChanged: () => this.#served?.changed(),
    });
    this.#attachments = new Attachments({
      resolver: options.resolver,
      lines: this.#lines,
      quarantine: this.#quarantine,
      places: new ContainerPlaces({
        onForgotten: (own) => {
          this.#dropped.end(own.place);
          this.#quarantine.forget(own);
        },
      }),
      states: new HandlerStates(this.native),
      tapes: this.#tapes,
      observation,
      ofContainer: (identity) => this.#containers.ofContainer(identity),
      like: (place, sources) => this.#containers.like(place, sources),
      share: (components) => this.#pool?.share(components),
    });
    this.#retries = new Retries({
      containers: this.#containers,
      log: this.log,
      resolver: () => this.#attachments.resolver,
      inTurn: async (identity, work) => this.#inTurn(identity, work),
      resolve: (token, attached) => resolveLate(this.#resolving, token, attached),
    });
    this.#resolving = {
      attachments: this.#attachments,
      containers: this.#containers,
      retries: this.#retries,
      log: this.log,
      lines: this.#lines,
      inTurn: async (identity, work) => this.#inTurn(identity, work),
    };
    this.#lateWorkloads = new LateWorkloads(this.#resolving);
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
    const watching = await Watching.open(options.watch ?? {}, createLog(options.log));
    const agent = new Agent(options, size, watching);
    try {
      agent.#pool = await Pool.start({
        native: agent.native,
        receiver: agent.#receiver,
        log: agent.log,
        logOptions: options.log,
        size,
        counters: agent.#counters,
        quarantine: agent.#quarantine.buffers,
        dropped: agent.#dropped,
        onFailed: (failure) => {
          agent.#fail(failure);
        },
        onNote: (note) => {
          agent.#note(note);
        },
        losses: agent.#tapes.losses,
        observation: watching.observation,
        onTaped: (taped, done) => {
          const both = after(2, done);
          agent.#tapes.take(taped, both);
          agent.#shadows.take(taped, both);
        },
      });
    } catch (thrown) {
      agent.#events[Symbol.dispose]();
      await watching[Symbol.asyncDispose]();
      throw thrown;
    }
    return agent;
  }

  /** @throws AgentError AGENT_SOCKET_IN_USE, AGENT_SOCKET */
  listen({ path, allowedUids, takesOver = false }: SocketOptions): void {
    const { log } = this;
    this.#socket = new Listening({
      native: this.native,
      log: this.log,
      path,
      allowedUids,
      takesOver,
      userTurns: this.#userTurns,
      onArrival: async (arrival) => this.#enter(arrival),
    });
    this.log.info({ socket: path }, 'listening');
    this.#served = new ServedFile({
      socket: path,
      log,
      containers: () => this.#containers.served(this.#firstPids),
    });
    this.#endedAgents = new EndedAgents({
      socket: path,
      log,
      tell: ({ workload }) =>
        this.#attachments.resolver.kubernetes?.noteWorkload(workload, agentEndedNote) ?? true,
    });
  }

  /** Only who wants metrics pays for the libraries. @throws AgentError AGENT_METRICS */
  async serveMetrics(address: BindAddress): Promise<void> {
    const { Metrics } = await import('./metrics/metrics.ts');
    const { watchMetrics } = await import('./observation/watch-metrics.ts');
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
    this.#metrics.register(watchMetrics(() => this.#watching.counts));
    this.#metricsServer = await MetricsServer.start({
      address,
      metrics: this.#metrics,
      log: this.log,
      downReason: () => (this.#pool?.workerCount === 0 ? 'no worker is up' : undefined),
      readiness: [
        () => (this.#socket === undefined ? 'the agent does not listen yet' : undefined),
        () => this.#socket?.lossReason,
        () => (this.#isStopping ? 'the agent is stopping' : undefined),
        () => this.#attachments.resolver.kubernetes?.readiness.reason(),
      ],
    });
  }

  /**
   * Lets root ask. Where nobody has said where, or another agent is to go first, it may also be later.
   * @param takesOver the other one that listens there is about to go
   * @throws AgentError AGENT_CONTROL_IN_USE, AGENT_CONTROL
   */
  async serveControl({ path, isDefault }: ControlAddress, takesOver: boolean): Promise<void> {
    const { ControlListening, isTakenControl } = await import('./control/control-listening.ts');
    this.#control = await ControlListening.start(
      {
        path,
        log: this.log,
        status: () => this.status(),
        containers: () => this.#containers.status(),
        figures: () => this.figures(),
        record: (containerId, tap) => this.record(containerId, tap, 'there'),
      },
      (thrown) => isDefault || (takesOver && isTakenControl(thrown)),
    );
  }

  /** What it does now, for people and programs. */
  status(): OwnStatus {
    return {
      version: packageVersion(),
      pid: process.pid,
      startedAt: this.#startedAt.toISOString(),
      uptimeSeconds: Math.floor((Date.now() - this.#startedAt.getTime()) / 1000),
      workers: this.#pool?.workerCount ?? 0,
      agentSocket: this.#socket?.path ?? null,
      lastReload: this.reloads.last,
      kubernetes: this.#attachments.resolver.kubernetes?.status() ?? null,
    };
  }

  get containerCount(): number {
    return this.#containers.all().length;
  }

  /** What was counted until now, for whoever asks again and again. */
  figures(): AgentFigures {
    return {
      version: packageVersion(),
      pid: process.pid,
      takenAtMs: performance.now(),
      workers: this.#pool?.workerCount ?? 0,
      containers: this.#containers.figures(),
    };
  }

  /** Answers the calls of a launched command; resolves once it has ended. */
  async serve(launch: LaunchHandle, identity: ContainerIdentity): Promise<void> {
    const refusal = refusalOfCommand(this.native.launchWaitsKillable(launch));
    const attached = this.#attachments.begin(identity, refusal);
    const adoption = this.#containers.adoption(attached);
    const adopted = this.native.adoptLaunch(this.#receiver, launch, {
      ...termsOf(adoption),
      paths: adoption.heldPaths,
    });
    this.#containers.keep(adopted.listener, attached);
    this.#retries.enter(adopted.listener, attached);
    tellUnheld(this.#lines, this.#containers, adopted.listener);
    await new Promise<void>((resolve) => {
      this.#exits.set(adopted.process, resolve);
    });
  }

  /** What all containers need to be resolved by another resolver. */
  async prepareAll(resolver: Resolver): Promise<void> {
    await prepareAll(this.#containers, resolver);
  }

  /** Resolves all containers anew, by another resolver. */
  async reload(resolver: Resolver): Promise<ReloadCounts> {
    this.#attachments.resolver = resolver;
    const counts = await reloadAll({ ...this.#resolving, report: this.reloads });
    this.#forgetLater();
    return counts;
  }

  /** As `Containers.record`. */
  record(containerId: string, tap: Tap, isExpected: 'there' | 'to come'): StopRecording {
    return this.#containers.record(containerId, tap, isExpected);
  }

  /** All that containers have, those of their shadows included, and what workers still have. */
  components(): readonly CodeSize[] {
    return [...this.#containers.used.all(), ...(this.#pool?.components ?? [])];
  }

  /** All that containers of one owner have. */
  componentsOf(owner: string): readonly LoadedComponent[] {
    return this.#containers.used.of(owner);
  }

  /** Workers forget at once what only containers had that have ended: nobody waits for their calls. */
  giveBack(): void {
    if (this.#attachments.settledForMs < forgetAfterMs) return;
    this.#pool?.keepOnly(this.#containers.used.ids());
  }

  /**
   * Calls that were begun before may still need components that no registry has any more: so each has
   * to have been without a container twice.
   * @param before those that containers had, so that others wait for the next time
   */
  #forgetLater(before?: ReadonlySet<string>): void {
    if (this.#forgetting !== undefined) return;
    const had = before ?? new Set(this.#pool?.sharedIds);
    this.#forgetting = setTimeout(() => {
      this.#forgetting = undefined;
      const used = this.#containers.used.ids();
      this.#pool?.keepOnly(new Set([...had, ...used]));
      this.#attachments.resolver.forgetUnused?.(forgetAfterMs);
      const isLeft = this.#pool?.sharedIds.some((id) => !used.has(id)) === true;
      if (isLeft) this.#forgetLater(used);
    }, forgetAfterMs).unref();
  }

  /** Files that are written to and were renamed are left alone from now on. */
  reopenFiles(): void {
    this.#watching.reopen();
  }

  /** Stops accepting, lets calls that are handled be answered, and ends. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#forgetting);
    this.#endedAgents?.[Symbol.dispose]();
    this.#lateWorkloads[Symbol.dispose]();
    this.#retries[Symbol.dispose]();
    // first: what comes from now on is another agent's
    await this.#socket?.[Symbol.asyncDispose]().catch((thrown: unknown) => {
      this.log.error({ error: messageOf(thrown) }, 'cannot give the agent socket up');
    });
    await this.#tapes.endAll();
    await this.#control?.[Symbol.asyncDispose]();
    await this.#metricsServer?.[Symbol.asyncDispose]();
    await this.#pool?.stop();
    this.#dropped[Symbol.dispose]();
    await this.#shadows[Symbol.asyncDispose]();
    this.#events[Symbol.dispose]();
    this.#lines[Symbol.dispose]();
    await this.#watching[Symbol.asyncDispose]();
    this.#isClosed = true;
    logStranded(
      this.log,
      this.#containers.all().map(([, attached]) => attached),
    );
    this.#served?.[Symbol.dispose]();
    this.#containers.close();
    this.native.closeReceiver(this.#receiver);
  }

  /** Ends the process at once where Node would wait for what does not end, or not soon. */
  exitIfStuck(code: number): void {
    const isStuck = this.#pool?.isStuck === true || this.#watching.isStuck;
    if (isStuck || isProgramRunning()) this.native.exitProcess(code);
  }

  /**
   * @returns settles once the listener was adopted, or nobody wants it any more
   */
  async #enter(arrival: Arrival): Promise<void> {
    const { peerPid, peerUid } = arrival;
    const state = commonState(arrival.state, this.#containers.ofContainer(arrival)?.identity.state);
    using unlessAttached = new DisposableStack();
    const counted = unlessAttached.use(this.#listenerCounts.enter({ state, peerUid }));
    // of now: who has sent it may be gone later
    const firstPid = this.#firstPids.enter(state, { pid: peerPid, uid: peerUid });
    const identity = { state, peerUid, firstPid };
    const { containerId: container, leftOut } = state;
    if (leftOut !== undefined) {
      this.#lines.tell(
        identity,
        'warn',
        { container, peerUid, leftOut },
        'this container has more annotations than are kept: handlers see only some of them',
      );
    }
    const key = keyOf(identity);
    unlessAttached.defer(() => {
      this.#firstPids.leave(key);
    });
    if (firstPid !== undefined) {
      this.native.lookAtFirstProcess(arrival.socket, arrival.connection, firstPid);
    }
    const isWanted = (): boolean => !this.#isStopping && !arrival.isOver();
    // what a turn begins is its caller's at once: nobody else would catch what it fails with
    const prepared = await this.#inTurn(identity, async () => {
      if (!isWanted()) return undefined;
      const refusing = this.#filterFlags.enter(state, peerUid);
      unlessAttached.defer(() => {
        this.#filterFlags.leave(key);
      });
      return Promise.all([refusing, this.#prepare(identity, isWanted)]);
    });
    if (prepared === undefined) return;
    const [refusal] = prepared;
    const attach = (resolution: Resolved): void => {
      this.#attach(arrival, { identity, refusal, counted, resolution });
      unlessAttached.move();
    };
    const isForPaths = await this.#inTurn(identity, () => {
      if (!isWanted()) return false;
      const resolution = this.#attachments.resolved(identity);
      const looking = this.#lookForPaths(arrival, identity, resolution);
      if (looking === undefined) attach(resolution);
      return looking?.then(() => true) ?? false;
    });
    if (!isForPaths) return;
    await this.#inTurn(identity, () => {
      if (isWanted()) attach(this.#attachments.resolved(identity));
    });
  }

  async #prepare(identity: ContainerIdentity, isWanted: () => boolean): Promise<void> {
    let isWaiting = true;
    const fetching = this.#attachments.resolver.prepare?.(identity, () => isWaiting && isWanted());
    if (fetching === undefined) return;
    const { state } = identity;
    this.#lines.tell(
      identity,
      'info',
      shownContainer({ containerId: state.containerId, workload: believedWorkload(identity) }),
      'container waits for its bundles, or for its pod to be known',
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
    identity: ContainerIdentity,
    { registry }: Resolved,
  ): Promise<void> | undefined {
    const { socket, connection } = arrival;
    const firstPid = this.#firstPids.living(keyOf(identity), identity.firstPid);
    const paths = heldPathBytes(registry);
    if (paths.length === 0 || firstPid === undefined) return undefined;
    // whose paths it has
    if (this.#containers.ofContainer(arrival) !== undefined) return undefined;
    return this.native.findPaths(socket, connection, firstPid, paths);
  }

  /** Root's containers do not wait for those of users. */
  async #inTurn<T>(identity: ContainerIdentity, work: () => T | Promise<T>): Promise<T> {
    const { peerUid = 0 } = identity;
    if (peerUid !== 0) return this.#userTurns.take(userAsks(peerUid), work);
    const workload = this.#attachments.resolver.workloadOf?.(identity);
    const who = whoAsks(workload === undefined ? identity : { ...identity, workload });
    return this.#rootTurns.take(who, work);
  }

  /** One listener of the container is gone, or never came to be one. */
  #forget(key: ContainerKey): void {
    this.#firstPids.leave(key);
    this.#filterFlags.leave(key);
  }

  #attach(arrival: Arrival, { identity, refusal, counted, resolution }: Entered): void {
    const { state, socket, connection, fdIndex, peerPid, peerUid } = arrival;
    const { status } = state;
    const firstPid = this.#firstPids.living(keyOf(identity), identity.firstPid);
    const attached = this.#attachments.begin(identity, refusal, resolution);
    let token: Token;
    try {
      const adoption = this.#containers.adoption(attached);
      counted.keep(registryBytes(attached, adoption.encoded, this.#size.fewest));
      token = this.native.adoptConnectionFd(this.#receiver, {
        ...termsOf(adoption),
        socket,
        connection,
        index: fdIndex,
        firstPid: firstPid ?? 0,
        container: attached.own.token,
        waitsKillable: refusal === undefined,
        peerUid,
        paths: adoption.heldPaths,
      });
    } catch (cause) {
      if (attached.tapeSlot !== undefined) this.#tapes.releaseSlot(attached.tapeSlot);
      this.#attachments.end(attached);
      throw new AgentError('AGENT_LISTENER', 'the descriptor cannot be taken as a listener', {
        cause,
      });
    }
    this.#counted.set(token, counted);
    this.#containers.keep(token, attached);
    tellUnheld(this.#lines, this.#containers, token);
    this.#lateWorkloads.enter(token, attached);
    this.#retries.enter(token, attached);
    const shown = shownContainer(attached.registry);
    this.#lines.tell(
      identity,
      'info',
      { ...shown, status, peerPid, firstPid },
      'container attached',
    );
  }

  #hear(event: ReceiverEvent): void {
    const { kind, token } = event;
    switch (kind) {
      case receiverEventKind.ended:
        this.#end(token);
        break;
      case receiverEventKind.exited:
        this.#exits.get(token)?.();
        this.#exits.delete(token);
        break;
      case receiverEventKind.overdue:
        this.#endOverdue(event);
        break;
      case receiverEventKind.broken:
        this.#blame(event, 'trap', 'a worker has ended within a handler: its call fails');
        break;
      case receiverEventKind.shared:
        this.#leaveShared(token);
        break;
      case receiverEventKind.crowded:
        this.#pool?.grow();
    }
  }

  /** RECV waits where somebody else has received what was there: nobody else's calls come meanwhile. */
  #leaveShared(token: number): void {
    const attached = this.#containers.get(token);
    if (attached === undefined) return;
    this.#listenerCounts.noteShared(attached.identity);
    this.#lines.tell(
      attached.identity,
      'warn',
      shownContainer(attached.registry),
      'another process receives the calls of this container, too: the agent leaves them to it',
    );
  }

  /** A call was answered by the failure policy, since its handler did not come to an end. */
  #endOverdue(event: ReceiverEvent): void {
    const { token, worker, link } = event;
    this.#pool?.end(worker);
    const { failure } = this.#containers.get(token)?.registry ?? {};
    this.#watching.observation.endCurrent(worker, overdueEnding(link, failure));
    this.#blame(event, 'deadline', overdueText(link));
  }

  /** A handler has failed with its worker. The addon has answered the call, and counted the failure. */
  #blame({ token, link, quarantineMs }: ReceiverEvent, reason: FailureReason, text: string): void {
    const attached = this.#containers.get(token);
    if (attached?.tapeSlot !== undefined) this.#tapes.lose(attached.tapeSlot);
    const handler = attached?.registry.handlers[link - 1];
    this.#lines.tell(
      attached?.identity ?? {},
      'error',
      {
        ...(attached === undefined ? {} : shownContainer(attached.registry)),
        handler: handler?.name,
        deadlineMs: handler?.deadlineMs,
        quarantineMs,
      },
      text,
    );
    if (quarantineMs > 0 && handler !== undefined) {
      this.#note({ token, ...quarantineNote(handler.name) });
    }
    this.#fail({ token, handler: handler?.name, reason });
  }

  #fail({ token, handler, reason, refusal }: CallFailure): void {
    const attached = this.#containers.get(token);
    if (handler !== undefined) {
      const bundle = attached?.registry.handlers.find(({ name }) => name === handler)?.bundle;
      this.#metrics?.failed({ handler, bundle, reason });
    }
    if (refusal !== undefined) {
      this.#note({ token, reason: 'Refused', message: `${handler ?? 'handler'}: ${refusal}` });
    }
    const stop = attached?.registry.failure.kind ?? 'continue';
    // a worker that did not end in time may still tell
    if (attached === undefined || this.#isClosed || !isStop(stop)) return;
    const parts = {
      native: this.native,
      receiver: this.#receiver,
      log: this.log,
      shown: shownContainer(attached.registry),
      onNote: (note: ContainerNote) => {
        this.#note({ token, ...note });
      },
      token,
    };
    stopContainer(stop, parts, () => this.#toldStops.take(keyOf(attached.identity)));
  }

  /** Where people look for their containers. */
  #note({ token, reason, message }: ListenerNote): void {
    const identity = this.#containers.recentIdentity(token);
    if (identity === undefined) return;
    this.#attachments.resolver.note?.(identity, { reason, message });
  }

  #end(token: number): void {
    this.#lateWorkloads.leave(token);
    this.#retries.leave(token);
    const attached = this.#containers.end(token);
    if (attached === undefined) return;
    this.#attachments.end(attached);
    this.#forgetLater();
    this.#forget(keyOf(attached.identity));
    this.#counted.get(token)?.[Symbol.dispose]();
    this.#counted.delete(token);
    const shown = shownContainer(attached.registry);
    this.#lines.tell(attached.identity, 'info', shown, 'container detached');
  }
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
    if (code === 'EPERM') {
      throw new AgentError('AGENT_KERNEL', `the agent lacks rights: ${missingRightsAdvice}`, {
        cause,
      });
    }
    if (code !== 'ENOSYS' && code !== 'EINVAL') throw cause;
    throw new AgentError(
      'AGENT_KERNEL',
      'this kernel lacks what the agent needs, which is Linux 5.9 or newer, or a seccomp filter keeps it from the agent',
      { cause },
    );
  }
}
