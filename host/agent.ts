// SPDX-License-Identifier: Apache-2.0
// The agent: builds the parts and joins them.
import { FilterFlags } from './agent-socket/filter-flags.ts';
import { FirstPids } from './agent-socket/first-pids.ts';
import type { Bundle } from './bundles/bundle.ts';
import { AgentListener } from './agent-socket/agent-listener.ts';
import type { SocketOptions } from './agent-socket/agent-listener.ts';
import { Arrivals, lookLimits } from './containers/arrivals.ts';
import { Attachments } from './containers/attachments.ts';
import { ContainerEvents } from './containers/container-events.ts';
import { ContainerLives } from './containers/container-life.ts';
import { ContainerStatuses } from './containers/container-statuses.ts';
import { ContainerTurns } from './containers/container-turns.ts';
import { Containers } from './containers/containers.ts';
import { LateWorkloads } from './containers/late-workloads.ts';
import { ListenerCounts } from './containers/listener-counts.ts';
import { OwnerTurns } from './containers/owner-turns.ts';
import type { ListenerLimits } from './containers/listener-counts.ts';
import { Recordings } from './containers/recordings.ts';
import { regrantAll, reloadAll, resolveLate } from './containers/reloading.ts';
import type { ReloadCounts, ReloadEnds, ResolvingParts } from './containers/reloading.ts';
import { Retries } from './containers/retries.ts';
import { RunningLogLevel } from './containers/running-log-level.ts';
import { logStranded } from './containers/stranded.ts';
import { Succession } from './containers/succession.ts';
import { AgentComponents } from './containers/agent-components.ts';
import { UsedComponents } from './containers/used-components.ts';
import { UserLines } from './log/user-lines.ts';
import type { ControlListener } from './control/control-listener.ts';
import type { ControlAddress } from './control/control-socket.ts';
import type { ContainerFigures } from './control/figures.ts';
import type { StopRecording } from './control/recording-request.ts';
import { ownFigures, ownStatus } from './control/own-status.ts';
import { ReloadReport } from './control/reload-report.ts';
import type { OwnStatus } from './control/status.ts';
import { ContainerPlaces } from './counting/container-places.ts';
import { CounterSum } from './counting/counter-sum.ts';
import { AgentError, failureFields } from './errors.ts';
import { createLog } from './log/log.ts';
import type { LogOptions, Log } from './log/log.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { MetricsServer } from './metrics/server.ts';
import type { BindAddress } from './metrics/server-messages.ts';
import { loadNative } from './native.ts';
import type { LaunchHandle, Native } from './native.ts';
import { Observers } from './observation/observers.ts';
import type { ObserverLogs, WatchOptions } from './observation/observers.ts';
import { isProgramRunning } from './program.ts';
import { Tapes } from './recording/tapes.ts';
import type { Tap } from './recording/tapes.ts';
import { Shadows } from './replay/shadows.ts';
import type { ContainerIdentity, Resolver } from './resolvers/resolver.ts';
import { Syscalls } from './syscalls/syscalls.ts';
import { DroppedLines } from './worker/dropped-lines.ts';
import { HandlerStates } from './worker/handler-states.ts';
import { Pool } from './worker/pool.ts';
import { poolSize } from './worker/pool-size.ts';
import { Quarantines } from './worker/quarantine.ts';
import { createReceiver } from './worker/receiver.ts';
import { ReceiverEvents } from './worker/receiver-events.ts';

export interface AgentOptions {
  readonly resolver: Resolver;
  readonly log: LogOptions;
  /** A fixed number of workers; absent: by the machine's cores, and more while they are blocked. */
  readonly workers?: number;
  /** Observers of decisions, besides the log. */
  readonly watch?: WatchOptions;
  readonly listenerLimits?: Partial<ListenerLimits>;
}

/** For a call, on a machine that may be busy. */
const shadowPatienceMs = 5000;

/** Built after all others, or not at all. */
interface LaterParts {
  pool?: Pool;
  metrics?: Metrics;
  succession?: Succession;
}

type CoreParts = ReturnType<typeof buildCore>;

/** Without containers. */
function buildCore(options: AgentOptions, observers: Observers, { log, lines }: ObserverLogs) {
  const later: LaterParts = {};
  const native = loadNative();
  native.harden();
  const size = poolSize(options.workers);
  const syscalls = new Syscalls();
  const quarantines = new Quarantines();
  const quarantine = quarantines.buffers;
  const receiver = createReceiver({ native, syscalls, size, quarantine });
  const tapes = new Tapes(() => later.pool?.isRead ?? true);
  return {
    options,
    observers,
    later,
    log,
    native,
    size,
    syscalls,
    quarantines,
    receiver,
    lines,
    tapes,
    observation: observers.observation,
    dropped: new DroppedLines(lines),
    counters: new CounterSum(),
    used: new UsedComponents(),
    listenerCounts: new ListenerCounts(options.listenerLimits),
    lives: new ContainerLives(),
    pool: (): Pool | undefined => later.pool,
    metrics: (): Metrics | undefined => later.metrics,
  };
}

type ContainerParts = ReturnType<typeof buildContainers>;

/** Attached containers, and what answers for them. */
function buildContainers(core: CoreParts) {
  const { native, receiver, syscalls, size, log, lines, tapes, observation, used } = core;
  const { dropped, quarantines, later, options } = core;
  const shadows = new Shadows({
    lines,
    losses: tapes.losses,
    patienceMs: shadowPatienceMs,
    onLeftAlone: (token) => {
      containers.retape(token);
    },
  });
  const containers = new Containers({
    native,
    receiver,
    syscalls,
    tapes,
    observation,
    workers: size.min,
    onChanged: () => later.succession?.changed(),
  });
  const attachments = new Attachments({
    resolver: options.resolver,
    lines,
    quarantine: quarantines,
    places: new ContainerPlaces({
      onForgotten: (own) => {
        dropped.end(own.place);
        quarantines.forget(own);
      },
    }),
    states: new HandlerStates(native),
    tapes,
    shadows,
    used,
    observation,
    ofContainer: (identity) => containers.ofContainer(identity),
    like: (place, sources) => containers.like(place, sources),
    share: (components) => later.pool?.share(components),
  });
  const turns = new ContainerTurns((identity) => attachments.resolver.workloadOf?.(identity));
  const retries: Retries = new Retries({
    containers,
    lines,
    resolver: () => attachments.resolver,
    turns,
    resolve: (token, attached) => resolveLate(resolving, token, attached),
  });
  const resolving: ResolvingParts = { attachments, containers, retries, log, lines, turns };
  const lateWorkloads = new LateWorkloads(resolving);
  return { shadows, containers, attachments, turns, retries, resolving, lateWorkloads };
}

/** The ways of containers in and out, and those who ask about them. */
function buildWays(parts: CoreParts & ContainerParts) {
  const { native, receiver, turns, used, attachments, pool } = parts;
  const components = new AgentComponents({ used, attachments, pool });
  const events = new ContainerEvents({ ...parts, components });
  const firstPids = new FirstPids(native.processIdentity);
  const filterFlags = new FilterFlags(native.readRuntimeFile, async (uid, work) =>
    uid === 0 ? work() : turns.takeOfUser(uid, work),
  );
  const looks = new OwnerTurns(lookLimits);
  return {
    components,
    events,
    firstPids,
    looks,
    arrivals: new Arrivals({ ...parts, firstPids, filterFlags, looks }),
    statuses: new ContainerStatuses({ ...parts, quarantine: parts.quarantines.quarantine }),
    recordings: new Recordings(parts),
    logLevel: new RunningLogLevel(parts),
    receiverEvents: new ReceiverEvents({ native, receiver, events }),
  };
}

type Parts = CoreParts & ContainerParts & ReturnType<typeof buildWays>;

function build(options: AgentOptions, observers: Observers, logs: ObserverLogs): Parts {
  const core = buildCore(options, observers, logs);
  const containers = buildContainers(core);
  return { ...core, ...containers, ...buildWays({ ...core, ...containers }) };
}

/** @throws AgentError AGENT_WORKER */
async function startPool(parts: Parts): Promise<Pool> {
  const { options, quarantines, tapes, shadows, log } = parts;
  return Pool.start({
    ...parts,
    logOptions: { ...options.log, levelCell: log.levelCell },
    quarantine: quarantines.buffers,
    losses: tapes.losses,
    tapers: [tapes, shadows],
  });
}

export class Agent {
  readonly native: Native;
  readonly log: Log;
  readonly components: AgentComponents;
  readonly reloads: ReloadReport = new ReloadReport();
  readonly #parts: Parts;
  readonly #startedAt = new Date();
  #socket: AgentListener | undefined;
  #metricsServer: MetricsServer | undefined;
  #control: ControlListener | undefined;
  #isStopping = false;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.native = parts.native;
    this.log = parts.log;
    this.components = parts.components;
  }

  /**
   * Starts the workers.
   * @throws AgentError AGENT_NOT_ROOT, AGENT_ADDON_MISSING, AGENT_KERNEL, AGENT_WORKER
   */
  static async start(options: AgentOptions): Promise<Agent> {
    if (process.getuid?.() !== 0) {
      throw new AgentError('AGENT_NOT_ROOT', 'must run as root: try it with sudo');
    }
    await using unlessStarted = new AsyncDisposableStack();
    const log = createLog(options.log);
    const logs = { log, lines: new UserLines(log) };
    const observers = await Observers.open(options.watch ?? {}, logs);
    unlessStarted.use(observers);
    const parts = build(options, observers, logs);
    unlessStarted.use(parts.receiverEvents);
    parts.later.pool = await startPool(parts);
    unlessStarted.move();
    return new Agent(parts);
  }

  /** @throws AgentError AGENT_SOCKET_IN_USE, AGENT_SOCKET */
  listen({ path, allowedUids, takesOver = false }: SocketOptions): void {
    const { native, log, turns, arrivals, later } = this.#parts;
    this.#socket = new AgentListener({
      native,
      log,
      path,
      allowedUids,
      takesOver,
      userTurns: turns.ofUsers,
      onArrival: async (arrival) => arrivals.enter(arrival),
    });
    log.event('agent-listening', { socket: path });
    later.succession = new Succession({ ...this.#parts, socket: path });
  }

  /** The libraries are loaded only where metrics are wanted. @throws AgentError AGENT_METRICS */
  async serveMetrics(address: BindAddress): Promise<void> {
    const { agentMetrics } = await import('./metrics/agent-metrics.ts');
    const { MetricsServer } = await import('./metrics/server.ts');
    const { attachments, later } = this.#parts;
    const metrics = agentMetrics(this.#parts);
    later.metrics = metrics;
    this.#metricsServer = await MetricsServer.start({
      address,
      metrics,
      log: this.log,
      downReason: () => (later.pool?.isDown === true ? 'no worker is up' : undefined),
      readiness: [
        () => (this.#socket === undefined ? 'the agent does not listen yet' : undefined),
        () => this.#socket?.lossReason,
        () => (this.#isStopping ? 'the agent is stopping' : undefined),
        () => attachments.resolver.kubernetes?.readiness.reason(),
      ],
    });
  }

  /**
   * Listens for root's requests. At the default path, or where another agent is about to go, it may
   * begin later.
   * @param takesOver the other agent that listens there is about to go
   * @throws AgentError AGENT_CONTROL_IN_USE, AGENT_CONTROL
   */
  async serveControl({ path, isDefault }: ControlAddress, takesOver: boolean): Promise<void> {
    const { ControlListener, isTakenControl } = await import('./control/control-listener.ts');
    this.#control = await ControlListener.start(
      {
        path,
        log: this.log,
        status: () => this.status(),
        containers: () => this.#parts.statuses.all(),
        figures: () => ownFigures(this.#parts.later.pool?.workerCount ?? 0),
        containerFigures: () => this.containerFigures(),
        logLevel: this.#parts.logLevel,
        record: (containerId, tap) => this.record(containerId, tap, 'there'),
      },
      (thrown) => isDefault || (takesOver && isTakenControl(thrown)),
    );
  }

  status(): OwnStatus {
    const { attachments, later } = this.#parts;
    return ownStatus(this.#startedAt, {
      workers: later.pool?.workerCount ?? 0,
      agentSocket: this.#socket?.path ?? null,
      lastReload: this.reloads.last,
      kubernetes: attachments.resolver.kubernetes?.status() ?? null,
    });
  }

  get containerCount(): number {
    return this.#parts.containers.all().length;
  }

  /** Sums until now, for clients that ask again and again. */
  containerFigures(): Iterable<ContainerFigures> {
    return this.#parts.statuses.figures();
  }

  /** Answers the calls of a launched command; resolves once it has ended. */
  async serve(launch: LaunchHandle, identity: ContainerIdentity): Promise<void> {
    const { arrivals, events } = this.#parts;
    await events.untilExited(arrivals.launch(launch, identity));
  }

  /** Withdraws what another resolver, for the bundles in use, does not grant any more. */
  async regrant(resolverFor: (bundles: ReadonlySet<Bundle>) => Promise<Resolver>): Promise<void> {
    const { attachments, containers, resolving } = this.#parts;
    attachments.resolver = await resolverFor(containers.sources());
    await regrantAll(resolving);
  }

  /** Resolves all containers again, by another resolver, as `reloadAll`. */
  async reload(resolver: Resolver, ends: ReloadEnds): Promise<ReloadCounts | undefined> {
    const { attachments, resolving, components } = this.#parts;
    attachments.resolver = resolver;
    const counts = await reloadAll({ ...resolving, report: this.reloads }, ends);
    components.forgetLater();
    return counts;
  }

  /** As `Recordings.record`. */
  record(containerId: string, tap: Tap, isExpected: 'there' | 'to come'): StopRecording {
    return this.#parts.recordings.record(containerId, tap, isExpected);
  }

  /** Opens log files again that were renamed. */
  reopenFiles(): void {
    this.#parts.observers.reopen();
  }

  /** Stops accepting, lets calls that are being handled be answered, and ends. */
  async stop(): Promise<void> {
    const { arrivals, components, lateWorkloads, retries, tapes, dropped, shadows } = this.#parts;
    const { receiverEvents, lines, observers, containers, lives, later } = this.#parts;
    this.#isStopping = true;
    later.succession?.stopLooking();
    for (const part of [arrivals, components, lateWorkloads, retries]) part[Symbol.dispose]();
    // first: listeners that come from now on are another agent's
    await this.#socket?.[Symbol.asyncDispose]().catch((thrown: unknown) => {
      this.log.event('socket-not-removed', failureFields(thrown));
    });
    await tapes.endAll();
    await this.#control?.[Symbol.asyncDispose]();
    await this.#metricsServer?.[Symbol.asyncDispose]();
    await later.pool?.stop();
    dropped[Symbol.dispose]();
    await shadows[Symbol.asyncDispose]();
    receiverEvents[Symbol.dispose]();
    lines[Symbol.dispose]();
    await observers[Symbol.asyncDispose]();
    logStranded(this.log, containers.all());
    later.succession?.[Symbol.dispose]();
    lives[Symbol.dispose]();
    this.native.closeReceiver(this.#parts.receiver);
  }

  /** Ends the process at once where Node would wait for a thread that does not end soon. */
  exitIfStuck(code: number): void {
    const { later, observers, looks, events } = this.#parts;
    const isStuck = later.pool?.isStuck === true || observers.isStuck;
    if (isStuck || looks.areBusy || events.areStopping || isProgramRunning())
      this.native.exitProcess(code);
  }
}
