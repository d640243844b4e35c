// SPDX-License-Identifier: Apache-2.0
// The loop of one worker thread: receive, decode, decide and answer, all on this thread.
import { AgentError, messageOf } from '../errors.ts';
import { fail } from '../call/action.ts';
import type { Decision } from '../call/action.ts';
import type { Host } from '../call/host.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { Logger } from '../log.ts';
import type { FailureReason } from '../counting/counters.ts';
import { eventKind, noState, registryPart, tokenOf } from '../native.ts';
import type { Native, ReceiverHandle, WorkerHandle } from '../native.ts';
import { actBit } from '../observation/decision-layout.ts';
import type { DecisionFailure } from '../observation/decision-layout.ts';
import { DecisionWriter } from '../observation/decision-writer.ts';
import type { DecisionBuffers } from '../observation/decision-writer.ts';
import { observed } from '../observation/observed-host.ts';
import { CallTape } from '../recording/call-tape.ts';
import { encodeCall } from '../recording/recorded-call.ts';
import type { LossCounters, UnreadCounter } from '../recording/tape-room.ts';
import { taped } from '../recording/taped-host.ts';
import type { ContainerStop } from '../registry/policy.ts';
import type { RegistryHandler } from '../registry/registry.ts';
import { shownContainer } from '../registry/shown-container.ts';
import { CallerHost, Rooms } from './caller-host.ts';
import type { WorkerSide } from './caller-host.ts';
import { Container } from './container.ts';
import type { Chain } from './container.ts';
import { quarantineNote, stopNote } from '../registry/container-note.ts';
import { stopper } from './container-stop.ts';
import { unnamedSlot } from '../counting/counters.ts';
import { crowdedWarning } from './crowded-warning.ts';
import type { Quarantine } from './quarantine.ts';
import { ReceivedCall } from '../call/received-call.ts';
import { HandlerHost } from './handler-host.ts';
import type { InstanceMemory } from './instance-memory.ts';
import { KeptContainers } from './kept-containers.ts';
import type { InstanceRoom } from './kept-containers.ts';
import { limited } from './limited-host.ts';
import type { LogRoom } from './log-room.ts';
import type { OnRefused } from './limited-host.ts';
import { Performer } from './perform.ts';
import { decodeRegistry } from './thread-messages.ts';
import type { CallFailure, LinesDropped, ListenerNote, SharedRegistry } from './thread-messages.ts';
import type { TapedCall } from '../recording/recorded-call.ts';
import type { CounterSlots } from '../counting/counter-slots.ts';
import { Syscalls } from '../syscalls/syscalls.ts';
import type { Syscall } from '../syscalls/syscalls.ts';

/** What takes longer is slow: others' calls must not wait so long for being received. */
const slowUs = 1000;
/** For a call of a container whose registry cannot be read. */
const noContainer = fail('EPERM');
const performBit = actBit('perform');

export interface LoopParts {
  readonly native: Native;
  readonly receiver: ReceiverHandle;
  readonly log: Logger;
  /** Names this worker in receiver events. */
  readonly id: number;
  readonly instanceRoom: InstanceRoom;
  readonly memory: InstanceMemory;
  readonly counters: SharedArrayBuffer;
  readonly slots: CounterSlots;
  readonly quarantine: Quarantine;
  readonly logRoom: LogRoom;
  /** Finds a component by its id. */
  readonly component: (id: string) => LoadedComponent;
  /** Where components may be needed no more: a container has ended, or memory is short. */
  readonly fetchComponents: () => void;
  readonly onFailed: (failure: CallFailure) => void;
  readonly onNote: (note: ListenerNote) => void;
  readonly onLinesDropped: (dropped: LinesDropped) => void;
  readonly losses: LossCounters;
  readonly unread: UnreadCounter;
  readonly decisions: DecisionBuffers;
  readonly onTaped: (taped: TapedCall) => void;
}

export class Loop implements Disposable {
  readonly #parts: LoopParts;
  readonly #native: Native;
  readonly #worker: WorkerHandle;
  readonly #call = new ReceivedCall();
  readonly #syscalls = new Syscalls();
  readonly #containers: KeptContainers<Container>;
  /** Most calls come from where the one before came from. */
  #last: Container | undefined;
  /** Who was asked about the call before. */
  #lastChain: Chain | undefined;
  /** The syscall being answered: what capabilities act for. */
  #current: Syscall | undefined;
  readonly #decisions: DecisionWriter;
  readonly #side: WorkerSide;
  readonly #performer: Performer;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#native = parts.native;
    this.#containers = new KeptContainers<Container>({
      room: parts.instanceRoom,
      memory: parts.memory,
      onCrowded: crowdedWarning(parts.log),
      onShort: () => {
        parts.native.tellShortage(this.#worker);
      },
    });
    this.#decisions = new DecisionWriter(parts.decisions, this.#call);
    this.#worker = parts.native.attachWorker(
      parts.receiver,
      this.#call.bytes,
      new Uint8Array(parts.counters),
      parts.id,
    );
    this.#side = {
      native: parts.native,
      worker: this.#worker,
      call: this.#call,
      current: () => this.#current,
      rooms: new Rooms(),
      onWriteRefused: () => {
        this.#last?.writeRefused();
      },
      onLabelRefused: (label, errno) => {
        this.#last?.labelRefused(label, errno);
      },
      onGroupsRefused: () => {
        this.#last?.groupsRefused();
      },
    };
    this.#performer = new Performer(this.#call, new CallerHost(this.#side));
  }

  [Symbol.dispose](): void {
    this.#native.detachWorker(this.#worker);
  }

  /** Runs until the receiver is stopped, or this worker is one too many. */
  run(): void {
    const receive = this.#native.receiveFunction(this.#worker);
    for (;;) {
      switch (receive()) {
        case eventKind.notification:
          this.#answer();
          break;
        case eventKind.ended:
          this.#containers.end(this.#call.token);
          this.#parts.slots.end(this.#call.token);
          this.#parts.fetchComponents();
          this.#last = undefined;
          break;
        case eventKind.shortage:
          this.#parts.fetchComponents();
          this.#containers.hearShortage();
          // so that it is seen to be used when it calls again
          this.#last = undefined;
          break;
        default:
          return;
      }
    }
  }

  #answer(): void {
    if (this.#lastChain !== undefined) {
      this.#lastChain.isSlow = this.#call.previousTookUs > slowUs;
      this.#lastChain = undefined;
    }
    let container: Container | undefined;
    try {
      const { terms } = this.#call;
      container = this.#last?.terms === terms ? this.#last : this.#find(terms);
      if (container.watch !== undefined) this.#decisions.begin(container.watch);
      const decision = this.#decide(container);
      const answer = decision ?? container.failure;
      const slot = container.slotOf(answer);
      if (decision === undefined) this.#call.answerFailure(answer, slot);
      else this.#call.answer(answer, slot);
      if (container.watch !== undefined) this.#tell(container, decision);
    } catch (thrown) {
      this.#report(thrown, container);
      const answer = container?.failure ?? noContainer;
      this.#call.answerFailure(answer, container?.slotOf(answer) ?? unnamedSlot);
      if (container?.watch !== undefined) this.#tell(container, answer, reasonOf(thrown));
    }
    this.#current = undefined;
    this.#lastChain = container?.chain;
  }

  /** Undefined: the failure policy answers. */
  #decide(container: Container): Decision | undefined {
    const { tid, arch, number } = this.#call;
    if (tid === 0) {
      container.meetUnknown();
      throw new AgentError(
        'AGENT_CALLER',
        'the caller is outside of our pid namespace: run the agent in the host pid namespace',
      );
    }
    const syscall = this.#syscalls.find(arch, number);
    if (syscall === undefined) return container.decideUnknown();
    this.#current = syscall;
    const decision = container.decide(this.#call, syscall);
    if (decision?.kind !== 'perform') return decision;
    this.#decisions.acts |= performBit;
    return this.#performer.perform(syscall);
  }

  #find(terms: number): Container {
    const met = this.#containers.get(this.#call.token);
    const container = met?.terms === terms ? met : this.#meet();
    this.#containers.use(container);
    this.#last = container;
    return container;
  }

  /** The first call of a container on this worker, or the first one by another registry. */
  #meet(): Container {
    const { token, terms } = this.#call;
    const shared = decodeRegistry(
      (part) => this.#native.listenerRegistry(this.#worker, tokenOf(token), registryPart[part]),
      (part, digest) => this.#containers.find(({ digests }) => digests?.[part] === digest)?.common,
    );
    const tape = this.#tapeOf(token, shared);
    const shown = shownContainer(shared.registry);
    const { user = 0 } = shared;
    const { logRoom } = this.#parts;
    const told = new Set<string>();
    const container = new Container({
      ...shared,
      terms,
      component: this.#parts.component,
      hostFor: (handler, index) => {
        const host = this.#hostFor(handler, { ...shared, token }, { index, told });
        const watched = shared.watch === undefined ? host : observed(host, this.#decisions);
        return tape === undefined ? watched : taped(watched, tape);
      },
      tape,
      health: this.#parts.quarantine,
      slots: this.#parts.slots.of(token, shared.place),
      onSlow: () => {
        this.#native.wakeAnother(this.#worker);
      },
      onStop: this.#stopperOf(shared, token),
      onQuarantined: ({ name }, milliseconds) => {
        this.#say(
          user,
          'error',
          { ...shown, handler: name, milliseconds },
          'handler quarantined after repeated failures',
        );
        this.#parts.onNote({ token, ...quarantineNote(name) });
      },
      mayReport: () => logRoom.takeReport(shared.place) && logRoom.takeUserLine(user),
      hasRoom: () => this.#containers.hasRoom(container),
      onMemory: (change) => {
        this.#containers.weigh(container, change);
      },
      onWriteRefused: (why) => {
        this.#say(
          user,
          'warn',
          { ...shown, why },
          'refusing to write caller memory: the filter lacks WAIT_KILLABLE_RECV',
        );
      },
      onLabelRefused: (label, errno) => {
        this.#say(
          user,
          'warn',
          { ...shown, label, errno },
          'cannot assume the LSM label of the caller; operation refused',
        );
      },
      onGroupsRefused: () => {
        this.#say(
          user,
          'warn',
          shown,
          'the caller has more than 1,024 supplementary groups; operation refused, since it would delay other callers',
        );
      },
    });
    this.#containers.add(token, container);
    return container;
  }

  /** Users' containers may be many: what is beyond their measure is counted, and told with the next. */
  #say(user: number, level: 'error' | 'warn', fields: object, text: string): void {
    const { log, logRoom } = this.#parts;
    if (!logRoom.takeUserLine(user)) {
      logRoom.leaveOut(user);
      return;
    }
    const linesUntold = logRoom.leftOut(user);
    log[level](linesUntold === 0 ? fields : { ...fields, linesUntold }, text);
  }

  #stopperOf({ registry }: SharedRegistry, token: number): (stop: ContainerStop) => void {
    const stop = stopper({
      native: this.#native,
      receiver: this.#parts.receiver,
      log: this.#parts.log,
      shown: shownContainer(registry),
      onNote: (note) => {
        this.#parts.onNote({ token, ...note });
      },
      token,
      syscall: () => this.#current?.name ?? `call ${this.#call.number}`,
    });
    return (what) => {
      this.#decisions.acts |= actBit(what);
      stop(what);
    };
  }

  /** Whoever reads slowly loses calls: none waits for being written down. */
  #tapeOf(token: number, { tapeSlot, place }: SharedRegistry): CallTape | undefined {
    if (tapeSlot === undefined) return undefined;
    const { losses, unread, onTaped } = this.#parts;
    const lose = (): void => {
      losses.lose(tapeSlot);
    };
    return new CallTape({
      onRecorded: (call) => {
        // what there is no room for is not even encoded
        const bytes = unread.hasRoom(place) ? encodeCall(call) : undefined;
        if (bytes === undefined || !unread.hasRoom(place, bytes.length)) {
          lose();
          return;
        }
        const cost = unread.send(bytes.length);
        onTaped({ token, place, syscall: call.syscall, bytes, cost });
      },
      onLost: lose,
    });
  }

  /** @param decision undefined: the failure policy has answered, since a handler is left alone */
  #tell(container: Container, decision: Decision | undefined, failure?: FailureReason): void {
    const syscall = this.#current;
    this.#decisions.end(decision ?? container.failure, {
      handler: container.answeredBy,
      failure: failure ?? ownFailure(container, decision, syscall),
      syscall,
    });
  }

  #report(thrown: unknown, container: Container | undefined): void {
    const untold = container === undefined ? 0 : container.report();
    if (untold !== undefined) this.#log(thrown, container, untold);
    const reason = reasonOf(thrown);
    this.#parts.onFailed({
      token: this.#call.token,
      handler: thrown instanceof AgentError ? thrown.handler : undefined,
      reason,
      ...(reason === 'settings' ? { refusal: messageOf(thrown) } : {}),
    });
  }

  /** @param untold how many calls of the container failed before, and are in no line */
  #log(thrown: unknown, container: Container | undefined, untold: number): void {
    this.#parts.log.error(
      {
        ...(container === undefined ? {} : shownContainer(container.registry)),
        syscall: this.#current?.name,
        tid: this.#call.tid,
        handler: thrown instanceof AgentError ? thrown.handler : undefined,
        code: thrown instanceof AgentError ? thrown.code : undefined,
        error: messageOf(thrown),
        ...(untold === 0 ? {} : { callsUntold: untold }),
      },
      'call failed by the agent',
    );
  }

  #hostFor(
    handler: RegistryHandler,
    { registry, place, user = 0, states, token }: SharedRegistry & Pick<ListenerNote, 'token'>,
    { index, told }: { readonly index: number; readonly told: Set<string> },
  ): Host {
    const { log, logRoom, receiver, onLinesDropped } = this.#parts;
    const { containerId, annotations = [] } = registry;
    const own = log.child({ handler: handler.name, ...shownContainer(registry) });
    const noted = new Set<ContainerStop>();
    const host = new HandlerHost(this.#side, {
      receiver,
      log: own,
      containerId,
      annotations,
      // a handler may do it again and again
      onStopped: (stop) => {
        if (noted.has(stop)) return;
        noted.add(stop);
        this.#parts.onNote({ token, ...stopNote(stop, `handler ${handler.name}`) });
      },
      state: states[index] ?? noState,
      lines: {
        room: logRoom,
        place,
        onDropping: () => {
          onLinesDropped({ place, container: shownContainer(registry) });
        },
      },
    });
    const { grants } = handler;
    if (grants === undefined) return host;
    const mayTell = (): boolean => logRoom.takeUserLine(user);
    return limited(host, grants, refusalLog(own, handler, { told, mayTell }));
  }
}

/**
 * What a handler tries again and again is told once where people look, also of a handler that breaks
 * and begins anew. Which path it was is not told: no other line of the log has paths of containers.
 * @param parts what was told of this container, and whether more may be
 */
function refusalLog(
  log: Logger,
  { name, bundle }: RegistryHandler,
  { told, mayTell }: { readonly told: Set<string>; readonly mayTell: () => boolean },
): OnRefused {
  return (operation, limit) => {
    const what = `${name} ${operation} ${limit}`;
    const level = told.has(what) || !mayTell() ? 'debug' : 'warn';
    if (level === 'warn') told.add(what);
    log[level]({ operation, limit, bundle }, 'operation denied by the grant limits of the bundle');
  };
}

/** Of a call that nobody failed at. */
function ownFailure(
  { registry }: Container,
  decision: Decision | undefined,
  syscall: Syscall | undefined,
): DecisionFailure {
  if (registry.isRefused === true) return 'settings';
  if (decision === undefined) return 'quarantine';
  return syscall === undefined ? 'unknown-call' : 'none';
}

function reasonOf(thrown: unknown): FailureReason {
  if (!(thrown instanceof AgentError)) return 'agent';
  if (thrown.code === 'AGENT_HANDLER_FAILED') return 'trap';
  return thrown.code === 'AGENT_SETTING_INVALID' ? 'settings' : 'agent';
}
