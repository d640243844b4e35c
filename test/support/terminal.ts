// SPDX-License-Identifier: Apache-2.0
// A command on a terminal of its own, made by script(1): what it shows, keys, another size.
import { readFileSync, readlinkSync } from 'node:fs';

import { RunningCommand, runCommand } from './command.ts';
import type { CommandResult } from './command.ts';
import { until } from './polling.ts';

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

const escape = '\u001b';
const toStart = `${escape}[H`;
const look = new RegExp(`${escape}\\[[\\d;]*\\w`, 'gu');

export class Terminal implements AsyncDisposable {
  readonly #running: RunningCommand;

  /** @param command of plain words */
  constructor(command: readonly string[], { rows, columns }: TerminalSize) {
    const settings = 'echo "settings $(stty -g)"';
    const line = `stty rows ${rows} cols ${columns}; ${settings}; ${command.join(' ')}; code=$?; ${settings}; exit $code`;
    const options = ['--quiet', '--return', '--flush', '--echo', 'never', '--command', line];
    this.#running = new RunningCommand(['script', ...options, '/dev/null']);
  }

  get all(): string {
    return this.#running.stdout;
  }

  /** The lines of the screen, as it was drawn last. */
  get screen(): readonly string[] {
    const drawn = this.all.split(toStart).slice(1);
    // the last one may not be whole
    const whole = drawn.findLast((text) => text.includes('\u001b[J')) ?? '';
    const [text = ''] = whole.split('\u001b[J');
    return text.split('\r\n').map((line) => line.replaceAll(look, ''));
  }

  /** The settings of the terminal, before the command and after it. */
  get settings(): readonly string[] {
    return [...this.all.matchAll(/settings (?<settings>\S+)\r/gu)].map(
      ({ groups }) => groups?.['settings'] ?? '',
    );
  }

  press(keys: string): void {
    this.#running.write(keys);
  }

  /** Resolves with the screen once it has such a line. */
  async shows(pattern: RegExp): Promise<readonly string[]> {
    return until(`a line with ${pattern} on ${JSON.stringify(this.screen)}`, () => {
      const lines = this.screen;
      return lines.some((line) => pattern.test(line)) ? lines : undefined;
    });
  }

  /** The process that reads its keys and whose command line has the word. */
  async pidOf(word: string): Promise<number> {
    return until(`a process with ${word}`, () => {
      const pids = descendants(this.#running.pid);
      return pids.find((pid) => wordsOf(pid).includes(word) && !wordsOf(pid)[0]?.endsWith('sh'));
    });
  }

  async resize({ rows, columns }: TerminalSize): Promise<void> {
    const [child = 0] = descendants(this.#running.pid);
    const path = readlinkSync(`/proc/${child}/fd/0`);
    const words = ['rows', String(rows), 'cols', String(columns)];
    const { code, stderr } = await runCommand(['stty', '-F', path, ...words]);
    if (code !== 0) throw new Error(stderr);
  }

  /** Resolves with what the command came to. */
  async ended(): Promise<CommandResult> {
    return this.#running.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
  }
}

function descendants(pid: number): readonly number[] {
  let children: readonly number[];
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    children = text.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function wordsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}
