// SPDX-License-Identifier: Apache-2.0
// The log of an agent that a test has started, and whether the test has looked at its complaints.
import type { RunningCommand } from './command.ts';
import { isRecord, recordOf, wantedText } from './log-records.ts';
import type { AnyEvent, LogRecord, WantedFields } from './log-records.ts';
import { until } from './polling.ts';

const complaints = ['warn', 'error', 'fatal'];
/** Of what is no record: the runtime's own words, or a line that was glued to another. */
const foreignComplaint = /\b(?:WARN|ERROR|FATAL)\b/u;

function isComplaint(line: string): boolean {
  const record = recordOf(line);
  return record === undefined ? foreignComplaint.test(line) : complaints.includes(record.level);
}

interface Wanted {
  readonly event: AnyEvent;
  readonly fields: WantedFields;
  /** How many lines are left out. */
  readonly from: number;
}

export class WatchedLog {
  readonly #running: RunningCommand;
  #read = 0;

  constructor(running: RunningCommand) {
    this.#running = running;
  }

  /** @throws Error with the warnings and errors at which no test has looked */
  expectAllRead(): void {
    const unread = this.#lines()
      .slice(this.#read)
      .filter((line) => isComplaint(line));
    if (unread.length === 0) return;
    throw new Error(`the agent has logged, and no test has looked:\n${unread.join('\n')}`);
  }

  /** All of its lines so far. */
  read(): readonly string[] {
    const lines = this.#lines();
    this.#read = lines.length;
    return lines;
  }

  /** Resolves with the first such record. */
  async until(wanted: Wanted): Promise<LogRecord> {
    return until(wantedText(wanted.event, wanted.fields), () => this.#find(wanted)).catch(
      (cause: unknown) => {
        throw new Error(`this was logged:\n${this.read().slice(wanted.from).join('\n')}`, {
          cause,
        });
      },
    );
  }

  #find({ event, fields, from }: Wanted): LogRecord | undefined {
    for (const [at, line] of this.#lines().entries()) {
      const record = at < from ? undefined : recordOf(line);
      if (record === undefined || !isRecord(record, event, fields)) continue;
      this.#read = Math.max(this.#read, at + 1);
      return record;
    }
    return undefined;
  }

  #lines(): readonly string[] {
    return this.#running.stderr.split('\n').slice(0, -1);
  }
}
