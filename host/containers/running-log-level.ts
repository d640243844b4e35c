// SPDX-License-Identifier: Apache-2.0
// The log level of an agent that runs: lines of decisions begin and end with it.
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { LogLevel } from '../log/log-events.ts';
import type { Log } from '../log/log.ts';

/** What it needs of them. */
export interface OfferedContainers {
  readonly all: () => Iterable<readonly [token: number, attached: unknown]>;
  readonly offerAgain: (token: number) => void;
}

export interface RunningLogLevelParts {
  readonly log: Log;
  readonly containers: OfferedContainers;
}

export class RunningLogLevel {
  readonly #parts: RunningLogLevelParts;

  constructor(parts: RunningLogLevelParts) {
    this.#parts = parts;
  }

  get level(): LogLevel {
    return this.#parts.log.level;
  }

  /** Of all threads. @returns the level before */
  async change(level: LogLevel): Promise<LogLevel> {
    const { log } = this.#parts;
    const before = log.level;
    if (level === before) return before;
    const wasWatched = log.hasDecisions;
    const tell = (): void => {
      log.event('log-level-changed', { from: before, to: level });
    };
    // where it is written, whichever of the two levels has room for it
    const isMore = !log.isEnabled(level);
    if (!isMore) tell();
    log.level = level;
    if (isMore) tell();
    if (log.hasDecisions !== wasWatched) await this.#offerAll();
    return before;
  }

  /** In turns with all else: containers may be many. */
  async #offerAll(): Promise<void> {
    const { containers } = this.#parts;
    for (const [token] of containers.all()) {
      containers.offerAgain(token);
      await nextTurn();
    }
  }
}
