// SPDX-License-Identifier: Apache-2.0
// The log of an agent that a test has started, and whether the test has looked at its complaints.
import type { RunningCommand } from './command.ts';
import { until } from './polling.ts';

/** In either format. */
const complaint = /\b(?:WARN|ERROR|FATAL)\b|"level":"(?:warn|error|fatal)"/u;

export class WatchedLog {
  readonly #running: RunningCommand;
  #read = 0;

  constructor(running: RunningCommand) {
    this.#running = running;
  }

  /** @throws Error with the warnings and errors at which no test has looked */
  expectAllRead(): void {
    const unread = this.#lines().filter((line, at) => at >= this.#read && complaint.test(line));
    if (unread.length === 0) return;
    throw new Error(`the agent has logged, and no test has looked:\n${unread.join('\n')}`);
  }

  /** All of its lines so far. */
  read(): readonly string[] {
    const lines = this.#lines();
    this.#read = lines.length;
    return lines;
  }

  /** Resolves with the first line, of those after the first `from`, that has all of the texts. */
  async until(texts: readonly string[], from: number): Promise<string> {
    const description = `a line with ${texts.join(' and ')} in the log`;
    return until(description, () => this.#find(texts, from)).catch((cause: unknown) => {
      throw new Error(`this was logged:\n${this.read().slice(from).join('\n')}`, { cause });
    });
  }

  #find(texts: readonly string[], from: number): string | undefined {
    const lines = this.#lines();
    const found = lines.findIndex(
      (line, at) => at >= from && texts.every((text) => line.includes(text)),
    );
    this.#read = Math.max(this.#read, found + 1);
    return lines[found];
  }

  #lines(): readonly string[] {
    return this.#running.stderr.split('\n').slice(0, -1);
  }
}
