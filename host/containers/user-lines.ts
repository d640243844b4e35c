// SPDX-License-Identifier: Apache-2.0
// Lines of the log on containers: users, whose containers may come and go as often as they like, could
// fill the disk with them. What is beyond their measure is counted, and told once a minute.
import type { Logger } from '../log.ts';

type Level = 'info' | 'warn' | 'error';

/** Who has sent a container's state; absent: nobody but us. */
interface Owned {
  readonly peerUid?: number;
}

/** Of one user: a container has two, and more where something is wrong. */
const maxLines = 200;
const pauseMs = 60_000;

interface Minute {
  readonly timer: NodeJS.Timeout;
  lines: number;
  /** By their texts, which are few. */
  readonly leftOut: Map<string, number>;
}

export class UserLines implements Disposable {
  readonly #log: Logger;
  readonly #minutes: Map<number, Minute> = new Map();

  constructor(log: Logger) {
    this.#log = log;
  }

  tell({ peerUid = 0 }: Owned, level: Level, fields: object, text: string): void {
    if (peerUid === 0) {
      this.#log[level](fields, text);
      return;
    }
    const minute = this.#minuteOf(peerUid);
    minute.lines += 1;
    if (minute.lines <= maxLines) this.#log[level](fields, text);
    else minute.leftOut.set(text, (minute.leftOut.get(text) ?? 0) + 1);
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
    const begun = { timer, lines: 0, leftOut: new Map<string, number>() };
    this.#minutes.set(peerUid, begun);
    return begun;
  }

  #end(peerUid: number): void {
    const minute = this.#minutes.get(peerUid);
    if (minute === undefined) return;
    clearTimeout(minute.timer);
    this.#minutes.delete(peerUid);
    for (const [line, count] of minute.leftOut) {
      this.#log.warn(
        { peerUid, line, count },
        'lines on containers of this user were left out: there were too many in a minute',
      );
    }
  }
}
