// SPDX-License-Identifier: Apache-2.0
// Starts programs, waits for what they print and for their end, and kills those that take too long.
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';

import { patient } from './patience.ts';

export const projectRoot: string = join(import.meta.dirname, '../..');

/** The command as users start it. */
export const seccompagent: string = join(projectRoot, 'host/seccompagent.sh');

export interface CommandOptions {
  readonly cwd?: string;
  /** Added to our own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
}

export interface CommandResult {
  /** Null: it was ended by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Watcher {
  readonly look: () => void;
}

/** As patient as a test, so that what it says is of the program. */
export const commandMs: number = patient(150_000);

/** A test that takes too long is given up before it has cleaned up. */
const started: Set<ChildProcessWithoutNullStreams> = new Set();
process.once('exit', () => {
  for (const child of started) child.kill('SIGKILL');
});

/** A running program whose standard streams are pipes to us. */
export class RunningCommand implements AsyncDisposable {
  readonly #command: readonly string[];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #watchers: Set<Watcher> = new Set();
  #stdout = '';
  #stderr = '';
  #hasEnded = false;
  /** Settles once it has ended and nobody holds its output any more. */
  readonly ended: Promise<CommandResult>;

  constructor([program, ...args]: readonly [string, ...string[]], options: CommandOptions = {}) {
    this.#command = [program, ...args];
    this.#child = spawn(program, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...options.environment },
      stdio: 'pipe',
      timeout: options.deadlineMs ?? commandMs,
      killSignal: 'SIGKILL',
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#look();
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#look();
    });
    // it may have ended before it read what we write
    this.#child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        this.#hasEnded = true;
        this.#look();
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
    // whoever needs it awaits it; nobody else is to fail
    this.ended.catch(() => undefined);
    started.add(this.#child);
    this.#child.once('exit', () => started.delete(this.#child));
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`cannot start ${this.#command.join(' ')}`);
    return pid;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /**
   * Resolves with the first match in stdout or stderr, be it printed already or later.
   * @throws Error when the program ends without it
   */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const watcher: Watcher = {
        look: () => {
          const found = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
          if (found === null && !this.#hasEnded) return;
          this.#watchers.delete(watcher);
          if (found !== null) resolve(found);
          else reject(new Error(`${this.#described()} has ended without ${pattern}`));
        },
      };
      this.#watchers.add(watcher);
      watcher.look();
    });
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  endInput(): void {
    this.#child.stdin.end();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    this.endInput();
    await this.ended;
  }

  #look(): void {
    for (const { look } of this.#watchers) look();
  }

  #described(): string {
    return `${this.#command.join(' ')} (stdout: ${this.#stdout}, stderr: ${this.#stderr})`;
  }
}

/** Runs a program to its end, with `input` on its stdin. */
export async function runCommand(
  command: readonly [string, ...string[]],
  options: CommandOptions & { readonly input?: string } = {},
): Promise<CommandResult> {
  const running = new RunningCommand(command, options);
  if (options.input !== undefined) running.write(options.input);
  running.endInput();
  return running.ended;
}
