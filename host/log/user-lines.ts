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
const pauseMs = 60_000;

interface Minute {
  readonly timer: NodeJS.Timeout;
  lines: number;
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
    minute.lines += 1;
    if (minute.lines <= maxLines) this.#log.counted(event, fields);
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
    const begun = { timer, lines: 0, leftOut: new Map<ContainerEvent, number>() };
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
