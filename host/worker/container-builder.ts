// SPDX-License-Identifier: Apache-2.0
// Builds a container for a worker: its registry with the host, the tape and the log of its own.
import type { Host } from '../call/host.ts';
import type { CounterSlots } from '../counting/counter-slots.ts';
import type { LoadedComponent } from '../handler/direct.ts';
import type { Log } from '../log/log.ts';
import { noState, registryPart, tokenOf } from '../native.ts';
import type { ReceiverHandle } from '../native.ts';
import { actBit } from '../observation/decision-layout.ts';
import type { DecisionWriter } from '../observation/decision-writer.ts';
import { observed } from '../observation/observed-host.ts';
import { CallTape } from '../recording/call-tape.ts';
import { encodeCall } from '../recording/recorded-call.ts';
import type { TapedCall } from '../recording/recorded-call.ts';
import type { LossCounters, UnreadCounter } from '../recording/tape-room.ts';
import { taped } from '../recording/taped-host.ts';
import { quarantineNote, stopNote } from '../registry/container-note.ts';
import type { ContainerStop } from '../registry/policy.ts';
import type { RegistryHandler } from '../registry/registry.ts';
import { shownContainer } from '../registry/shown-container.ts';
import type { ShownContainer } from '../registry/shown-container.ts';
import type { WorkerSide } from './caller-host.ts';
import { CallerRefusals } from './caller-refusals.ts';
import { Container } from './container.ts';
import { stopper } from './container-stop.ts';
import { HandlerHost } from './handler-host.ts';
import type { KeptContainers } from './kept-containers.ts';
import { limited } from './limited-host.ts';
import type { OnRefused } from './limited-host.ts';
import type { LogRoom } from './log-room.ts';
import type { Quarantine } from './quarantine.ts';
import { decodeRegistry } from './thread-messages.ts';
import type { LinesDropped, ListenerNote, SharedRegistry } from './thread-messages.ts';
import { UserLog } from './user-log.ts';

/** Parts that all containers of a worker share. */
export interface BuilderParts {
  readonly receiver: ReceiverHandle;
  readonly log: Log;
  readonly slots: CounterSlots;
  readonly quarantine: Quarantine;
  readonly logRoom: LogRoom;
  /** Finds a component by its id. */
  readonly component: (id: string) => LoadedComponent;
  readonly onNote: (note: ListenerNote) => void;
  readonly onLinesDropped: (dropped: LinesDropped) => void;
  readonly losses: LossCounters;
  readonly unread: UnreadCounter;
  readonly onTaped: (taped: TapedCall) => void;
}

/** Parts of the worker itself. */
interface WorkerParts {
  readonly side: WorkerSide;
  readonly decisions: DecisionWriter;
  readonly containers: KeptContainers<Container>;
}

/** The listener that a container is built for. */
interface Met {
  readonly token: number;
  readonly shared: SharedRegistry;
  readonly log: UserLog;
}

export class ContainerBuilder {
  readonly #parts: BuilderParts;
  readonly #side: WorkerSide;
  readonly #decisions: DecisionWriter;
  readonly #containers: KeptContainers<Container>;

  constructor(parts: BuilderParts, { side, decisions, containers }: WorkerParts) {
    this.#parts = parts;
    this.#side = side;
    this.#decisions = decisions;
    this.#containers = containers;
  }

  /** The container of the call being answered, by the present registry of its listener. */
  build(): Container {
    const { native, worker, call } = this.#side;
    const { token, terms } = call;
    const shared = decodeRegistry(
      (part) => native.listenerRegistry(worker, tokenOf(token), registryPart[part]),
      (part, digest) => this.#containers.find(({ digests }) => digests?.[part] === digest)?.common,
    );
    const { component, quarantine, slots, logRoom, log: workerLog } = this.#parts;
    const { place, user = 0, writeRefusal } = shared;
    const log = new UserLog(workerLog, logRoom, user);
    const met: Met = { token, shared, log };
    const shown = shownIn(shared);
    const tape = this.#tapeOf(met);
    const container = new Container({
      ...shared,
      terms,
      component,
      hostFor: this.#hostsOf(met, tape),
      tape,
      health: quarantine,
      slots: slots.of(token, place),
      onSlow: () => {
        native.wakeAnother(worker);
      },
      onStop: this.#stopperOf(met),
      onQuarantined: ({ name }, milliseconds) => {
        log.say('handler-quarantined', { ...shown, handler: name, milliseconds });
        this.#parts.onNote({ token, ...quarantineNote(name) });
      },
      mayReport: () => logRoom.takeReport(place) && log.takeLine(),
      hasRoom: () => this.#containers.hasRoom(container),
      onMemory: (change) => {
        this.#containers.weigh(container, change);
      },
      refusals: new CallerRefusals({ log, shown, writeRefusal }),
    });
    return container;
  }

  #stopperOf({ token, log, shared }: Met): (stop: ContainerStop) => void {
    const { native, call, current } = this.#side;
    const { receiver, onNote } = this.#parts;
    const stop = stopper({
      native,
      receiver,
      tell: (event, fields) => {
        log.say(event, fields);
      },
      shown: shownIn(shared),
      onNote: (note) => {
        onNote({ token, ...note });
      },
      token,
      syscall: () => current()?.name ?? `call ${call.number}`,
    });
    return (kind) => {
      this.#decisions.act(actBit(kind));
      stop(kind);
    };
  }

  /** A slow reader loses calls: no call waits for being recorded. */
  #tapeOf({ token, shared: { tapeSlot, place } }: Met): CallTape | undefined {
    if (tapeSlot === undefined) return undefined;
    const { losses, unread, onTaped } = this.#parts;
    const lose = (): void => {
      losses.lose(tapeSlot);
    };
    return new CallTape({
      onRecorded: (call) => {
        // without room, a call is not even encoded
        const bytes = unread.hasRoom(place) ? encodeCall(call) : undefined;
        if (bytes === undefined || !unread.hasRoom(place, bytes.length)) {
          lose();
          return;
        }
        const cost = unread.send(bytes.length);
        const order = losses.nextOrder();
        onTaped({ token, place, syscall: call.syscall, bytes, cost, order });
      },
      onLost: lose,
    });
  }

  /** Hosts of the container's handlers, by handler and place in the chain. */
  #hostsOf(
    met: Met,
    tape: CallTape | undefined,
  ): (handler: RegistryHandler, index: number) => Host {
    const told = new Set<string>();
    return (handler, index) => {
      const { name, grants } = handler;
      const shown = shownIn(met.shared);
      const log = this.#parts.log.with({ handler: name, ...shown });
      const own = this.#hostFor(handler, met, { index, log });
      const refused = refusalLog({ log, lines: met.log, shown, told }, handler);
      const host = grants === undefined ? own : limited(own, grants, refused);
      const watched = met.shared.watch === undefined ? host : observed(host, this.#decisions);
      return tape === undefined ? watched : taped(watched, tape);
    };
  }

  #hostFor(
    { name }: RegistryHandler,
    { token, shared }: Met,
    { index, log }: { readonly index: number; readonly log: Log },
  ): HandlerHost {
    const { logRoom, receiver, onLinesDropped, onNote } = this.#parts;
    const { registry, place, states, user = 0 } = shared;
    const { containerId, annotations = [] } = registry;
    const noted = new Set<ContainerStop>();
    return new HandlerHost(this.#side, {
      receiver,
      log,
      containerId,
      annotations,
      // a handler may do it again and again
      onStopped: (stop) => {
        if (noted.has(stop)) return;
        noted.add(stop);
        onNote({ token, ...stopNote(stop, `handler ${name}`) });
      },
      state: states[index] ?? noState,
      lines: {
        room: logRoom,
        place,
        user,
        onDropping: () => {
          onLinesDropped({ place, container: shownIn(shared), user });
        },
      },
    });
  }
}

function shownIn({ registry, user }: SharedRegistry): ShownContainer {
  return shownContainer(registry, { peerUid: user });
}

interface RefusalLogParts {
  /** Of the handler. */
  readonly log: Log;
  readonly lines: UserLog;
  readonly shown: ShownContainer;
  /** Refusals of this container that were logged. */
  readonly told: Set<string>;
}

/**
 * Logs each refusal of a handler once as a warning, also of a handler that fails and starts again.
 * The path is left out: no other line of the log has paths of containers.
 */
function refusalLog(
  { log, lines, shown, told }: RefusalLogParts,
  { name, bundle }: RegistryHandler,
): OnRefused {
  return (operation, limit) => {
    const what = `${name} ${operation} ${limit}`;
    const fields = { operation, limit, bundle };
    const isTold = told.has(what);
    if (!isTold && lines.say('operation-denied', { handler: name, ...shown, ...fields })) {
      told.add(what);
    } else {
      log.repeated('operation-denied', fields);
    }
  };
}
