// SPDX-License-Identifier: Apache-2.0
// The level of the log, in memory that all threads share: it can change while they run.
import { logLevels } from './log-events.ts';
import type { LogLevel } from './log-events.ts';

/** From the lowest. */
const severities: ReadonlyMap<LogLevel, number> = new Map(
  logLevels.map((level, index) => [level, index]),
);

export class LevelCell {
  readonly #word: Int32Array<SharedArrayBuffer>;

  /** @param buffer of a cell of this process */
  constructor(buffer: SharedArrayBuffer) {
    this.#word = new Int32Array(buffer);
  }

  static of(level: LogLevel): LevelCell {
    const cell = new LevelCell(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    cell.level = level;
    return cell;
  }

  get buffer(): SharedArrayBuffer {
    return this.#word.buffer;
  }

  get level(): LogLevel {
    return logLevels[Atomics.load(this.#word, 0)] ?? 'info';
  }

  set level(level: LogLevel) {
    Atomics.store(this.#word, 0, severities.get(level) ?? 0);
  }

  allows(level: LogLevel): boolean {
    return (severities.get(level) ?? 0) >= Atomics.load(this.#word, 0);
  }
}
