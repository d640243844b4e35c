// SPDX-License-Identifier: Apache-2.0
// Events of attached containers, from the receiver and from workers: failed calls, and their ends.
import type { FailureReason } from '../counting/counters.ts';
import type { ContainerEvent } from '../log/log-events.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { actingLink, receiverEventKind, tokenOf } from '../native.ts';
import type { Native, ReceiverEvent, ReceiverHandle } from '../native.ts';
import type { Observation } from '../observation/observation.ts';
import { overdueEnding } from '../observation/overdue.ts';
import type { Tapes } from '../recording/tapes.ts';
import { quarantineNote } from '../registry/container-note.ts';
import { isStop } from '../registry/policy.ts';
import { shownContainer } from '../registry/shown-container.ts';
import { ContainerStops } from './container-stops.ts';
import type { Pool } from '../worker/pool.ts';
import type { Quarantines } from '../worker/quarantine.ts';
import type { CallFailure, ListenerNote } from '../worker/thread-messages.ts';
import type { Attachments } from './attachments.ts';
import type { Containers } from './containers.ts';
import type { ListenerCounts } from './listener-counts.ts';
import type { AgentComponents } from './agent-components.ts';
import type { UserLines } from '../log/user-lines.ts';

export interface ContainerEventsParts {
  readonly native: Native;
  readonly receiver: ReceiverHandle;
  readonly lines: UserLines;
  readonly containers: Containers;
  readonly attachments: Attachments;
  readonly listenerCounts: ListenerCounts;
  readonly components: AgentComponents;
  readonly tapes: Tapes;
  readonly observation: Observation;
  readonly quarantines: Pick<Quarantines, 'overdue'>;
  readonly pool: () => Pool | undefined;
  /** Undefined: nobody wants any. */
  readonly metrics: () => Metrics | undefined;
}

export class ContainerEvents {
  readonly #parts: ContainerEventsParts;
  readonly #stops: ContainerStops;
  /** By the tokens of launched processes. */
  readonly #exits: Map<number, () => void> = new Map();

  constructor(parts: ContainerEventsParts) {
    this.#parts = parts;
    const { native, receiver, lines } = parts;
    this.#stops = new ContainerStops({
      act: async (stop, token) =>
        native.stopContainer(receiver, tokenOf(token), stop === 'freeze-container' ? 1 : 0),
      killFirst: (token) => native.killFirstProcess(receiver, tokenOf(token)),
      lines,
      onNote: (note) => {
        this.note(note);
      },
    });
  }

  /** Containers are being stopped, in threads that Node waits for at its end. */
  get areStopping(): boolean {
    return this.#stops.areBusy;
  }

  hear(event: ReceiverEvent): void {
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
        this.#blame(event, 'trap', 'call-failed-with-worker');
        break;
      case receiverEventKind.shared:
        this.#leaveShared(token);
        break;
      case receiverEventKind.crowded:
        this.#parts.pool()?.grow();
        break;
      case receiverEventKind.refused:
        this.#tellRefused(token);
    }
  }

  /** Resolves once a launched process has ended. */
  async untilExited(process: number): Promise<void> {
    return new Promise((resolve) => {
      this.#exits.set(process, resolve);
    });
  }

  /** A handler has failed at a call. */
  fail({ token, handler, reason, refusal }: CallFailure): void {
    const { containers, metrics } = this.#parts;
    const attached = containers.get(token);
    if (handler !== undefined) {
      const bundle = attached?.registry.handlers.find(({ name }) => name === handler)?.bundle;
      metrics()?.failed({ handler, bundle, reason });
    }
    if (refusal !== undefined) {
      this.note({ token, reason: 'Refused', message: `${handler ?? 'handler'}: ${refusal}` });
    }
    const stop = attached?.registry.failure.kind ?? 'continue';
    // a worker that did not end in time may still tell
    if (attached !== undefined && isStop(stop)) this.#stops.stop(stop, token, attached);
  }

  /** Shows people a note where they look for their containers. */
  note({ token, reason, message }: ListenerNote): void {
    const { containers, attachments } = this.#parts;
    const identity = containers.recentIdentity(token);
    if (identity === undefined) return;
    attachments.resolver.note?.(identity, { reason, message });
  }

  #tellRefused(token: number): void {
    const { containers, lines } = this.#parts;
    const attached = containers.get(token);
    if (attached === undefined) return;
    lines.tell(
      attached.identity,
      'calls-refused',
      shownContainer(attached.registry, attached.identity),
    );
  }

  /** RECV blocks where another process has received the call, and other containers would wait. */
  #leaveShared(token: number): void {
    const { containers, lines, listenerCounts } = this.#parts;
    const attached = containers.get(token);
    if (attached === undefined) return;
    listenerCounts.noteShared(attached.identity);
    lines.tell(
      attached.identity,
      'listener-shared',
      shownContainer(attached.registry, attached.identity),
    );
  }

  /** The addon has answered a call by the failure policy, since its handler took too long. */
  #endOverdue(event: ReceiverEvent): void {
    const { containers, observation, pool, quarantines } = this.#parts;
    const { token, worker, link } = event;
    pool()?.end(worker);
    const attached = containers.get(token);
    if (attached !== undefined && link > 0 && link !== actingLink) {
      quarantines.overdue(attached.own, link - 1);
    }
    observation.endCurrent(worker, overdueEnding(link, attached?.registry.failure));
    this.#blame(event, 'deadline', overdueEvent(link));
  }

  /** A handler has failed with its worker. The addon has answered the call, and counted the failure. */
  #blame(
    { token, link, quarantineMs }: ReceiverEvent,
    reason: FailureReason,
    failure: ContainerEvent,
  ): void {
    const { containers, lines, tapes } = this.#parts;
    const attached = containers.get(token);
    if (attached?.tapeSlot !== undefined) tapes.lose(attached.tapeSlot);
    const handler = attached?.registry.handlers[link - 1];
    // one that has ended may still keep a worker waiting
    const identity = containers.recentIdentity(token) ?? {};
    lines.tell(identity, failure, {
      ...(attached === undefined ? {} : shownContainer(attached.registry, attached.identity)),
      handler: handler?.name,
      deadlineMs: handler?.deadlineMs,
      quarantineMs,
    });
    if (quarantineMs > 0 && handler !== undefined) {
      this.note({ token, ...quarantineNote(handler.name) });
    }
    this.fail({ token, handler: handler?.name, reason });
  }

  #end(token: number): void {
    const { containers, lines, components } = this.#parts;
    const attached = containers.get(token);
    if (attached === undefined) return;
    attached.life[Symbol.dispose]();
    components.forgetLater();
    lines.tell(
      attached.identity,
      'container-detached',
      shownContainer(attached.registry, attached.identity),
    );
  }
}

function overdueEvent(link: number): ContainerEvent {
  if (link === 0) return 'caller-memory-timeout';
  return link === actingLink ? 'file-system-timeout' : 'handler-timeout';
}
