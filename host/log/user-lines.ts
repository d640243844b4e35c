// SPDX-License-Identifier: Apache-2.0
// Lines of the log on containers: users, whose containers may come and go as often as they like, could
// fill the disk with them. What is beyond their measure is counted, and told once a minute.
import { logEvents } from './log-events.ts';
import type { ContainerEvent } from './log-events.ts';
import type { Log } from './log.ts';

/** User that sent a container's state; absent: nobody but us. */
export interface Owned {
  readonly peerUid?: number;
}

/** Of one user: a container has two, and more where something is wrong. */
const maxLines = 200;
/** Of what was done to containers there are as many, however much else is told. */
const stops: ReadonlySet<ContainerEvent> = new Set<ContainerEvent>([
  'container-killed',
  'container-frozen',
  'container-not-killed',
  'container-not-frozen',
]);
const pauseMs = 60_000;

interface Minute {
  readonly timer: NodeJS.Timeout;
  readonly lines: { stops: number; others: number };
  readonly leftOut: Map<ContainerEvent, number>;
}

export class UserLines implements Disposable {
  readonly #log: Log;
  readonly #minutes: Map<number, Minute> = new Map();

  constructor(log: Log) {
    this.#log = log;
  }

  tell({ peerUid = 0 }: Owned, event: ContainerEvent, fields: object): void {
    if (peerUid === 0) {
      this.#log.counted(event, fields);
      return;
    }
    const minute = this.#minuteOf(peerUid);
    const kind = stops.has(event) ? 'stops' : 'others';
    minute.lines[kind] += 1;
    if (minute.lines[kind] <= maxLines) this.#log.counted(event, fields);
    else minute.leftOut.set(event, (minute.leftOut.get(event) ?? 0) + 1);
  }

  /** Says what was left out. */
  [Symbol.dispose](): void {
    for (const peerUid of this.#minutes.keys()) this.#end(peerUid);
  }

  #minuteOf(peerUid: number): Minute {
    const running = this.#minutes.get(peerUid);
    if (running !== undefined) return running;
    const timer = setTimeout(() => {
      this.#end(peerUid);
    }, pauseMs).unref();
    const lines = { stops: 0, others: 0 };
    const begun = { timer, lines, leftOut: new Map<ContainerEvent, number>() };
    this.#minutes.set(peerUid, begun);
    return begun;
  }

  #end(peerUid: number): void {
    const minute = this.#minutes.get(peerUid);
    if (minute === undefined) return;
    clearTimeout(minute.timer);
    this.#minutes.delete(peerUid);
    for (const [droppedEvent, count] of minute.leftOut) {
      this.#log.event('user-lines-left-out', {
        peerUid,
        line: logEvents[droppedEvent][1],
        droppedEvent,
        count,
      });
    }
  }
}
