// SPDX-License-Identifier: Apache-2.0
// In the main thread: tells in the log how many lines of handlers were dropped, a second after the
// first of them at the latest, since the container may never call again.
import type { UserLines } from '../log/user-lines.ts';
import type { ShownContainer } from '../registry/shown-container.ts';
import { LogRoom, makeLogRoom } from './log-room.ts';
import type { LinesDropped } from './thread-messages.ts';

const pauseMs = 1000;

interface Waiting {
  readonly container: ShownContainer;
  readonly user: number;
  readonly timer: NodeJS.Timeout;
}

export class DroppedLines implements Disposable {
  readonly buffer: SharedArrayBuffer = makeLogRoom();
  readonly #room: LogRoom = new LogRoom(this.buffer);
  readonly #lines: UserLines;
  /** By their places in the log room. */
  readonly #waiting: Map<number, Waiting> = new Map();

  constructor(lines: UserLines) {
    this.#lines = lines;
  }

  /** Some are dropped from now on. */
  begin({ place, container, user }: LinesDropped): void {
    if (this.#waiting.has(place)) return;
    const timer = setTimeout(() => {
      this.#tell(place);
    }, pauseMs).unref();
    this.#waiting.set(place, { container, user, timer });
  }

  /** The container is gone. */
  end(place: number): void {
    this.#tell(place);
    this.#room.clear(place);
  }

  [Symbol.dispose](): void {
    for (const place of this.#waiting.keys()) this.#tell(place);
  }

  #tell(place: number): void {
    const waiting = this.#waiting.get(place);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.#waiting.delete(place);
    const { lines, bytes } = this.#room.dropped(place);
    if (lines === 0) return;
    const { container, user } = waiting;
    this.#lines.tell({ peerUid: user }, 'handler-lines-dropped', { ...container, lines, bytes });
  }
}
