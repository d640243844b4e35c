// SPDX-License-Identifier: Apache-2.0
// Log lines on the containers of one user, up to the user's limit: a user may have many containers.
import type { ContainerEvent } from '../log/log-events.ts';
import type { Log } from '../log/log.ts';
import type { LogRoom } from './log-room.ts';

export class UserLog {
  readonly #log: Log;
  readonly #room: LogRoom;
  readonly #user: number;

  constructor(log: Log, room: LogRoom, user: number) {
    this.#log = log;
    this.#room = room;
    this.#user = user;
  }

  /** Takes the room of one line, if there is any. */
  takeLine(): boolean {
    return this.#room.takeUserLine(this.#user);
  }

  /**
   * Beyond the limit, lines are counted; the next written line has their number.
   * @returns whether it is written
   */
  say(event: ContainerEvent, fields: object): boolean {
    if (!this.takeLine()) {
      this.#room.leaveOut(this.#user);
      return false;
    }
    const linesUntold = this.#room.leftOut(this.#user);
    this.#log.counted(event, linesUntold === 0 ? fields : { ...fields, linesUntold });
    return true;
  }
}
